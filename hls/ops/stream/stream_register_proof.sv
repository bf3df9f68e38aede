// SPDX-License-Identifier: Apache-2.0
// stream_register as a queue of two places that never stands still.
`default_nettype none

module stream_register_proof #(
  parameter int unsigned WIDTH = 2
) (
  input  wire              clk,
  input  wire              reset_n,
  input  wire              offer, accept, mark,
  input  wire [WIDTH-1:0]  beat
);

  wire rst_n;
  first_reset i_reset (.clk, .reset_n, .rst_n);

  wire [WIDTH-1:0] s_data, m_data;
  wire             s_valid, s_ready, m_valid;
  wire [1:0]       level;

  stream_source #(.WIDTH(WIDTH)) i_source (
    .clk, .rst_n, .offer, .beat, .valid(s_valid), .ready(s_ready), .data(s_data)
  );

  stream_register #(.WIDTH(WIDTH)) dut (
    .ap_clk(clk), .ap_rst_n(rst_n),
    .s_axis_tdata(s_data), .s_axis_tvalid(s_valid), .s_axis_tready(s_ready),
    .m_axis_tdata(m_data), .m_axis_tvalid(m_valid), .m_axis_tready(accept)
  );

  stream_holds #(.WIDTH(WIDTH)) i_holds (.clk, .rst_n, .valid(m_valid), .ready(accept), .data(m_data));

  stream_order #(.WIDTH(WIDTH), .CAPACITY(2)) i_order (
    .clk, .rst_n, .mark, .level,
    .enters(s_valid && s_ready), .word_in(s_data), .leaves(m_valid && accept), .word_out(m_data)
  );

  soon #(.LIMIT(0)) i_gives (.clk, .rst_n, .idle(level != '0 && !m_valid));
  soon #(.LIMIT(0)) i_takes (.clk, .rst_n, .idle(level < 2 && !s_ready));

endmodule

`default_nettype wire
