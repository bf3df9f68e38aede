// SPDX-License-Identifier: Apache-2.0
// stream_fork: each output gets every beat once and in order, as soon as it wants; the input is released in the
// cycle in which the last output has taken its copy.
`default_nettype none

module stream_fork_proof #(
  parameter int unsigned WIDTH = 2,
  parameter int unsigned OUTPUTS = 2
) (
  input wire               clk,
  input wire               reset_n,
  input wire               offer,
  input wire [WIDTH-1:0]   beat,
  input wire [OUTPUTS-1:0] accept, mark
);

  wire rst_n;
  first_reset i_reset (.clk, .reset_n, .rst_n);

  wire [WIDTH-1:0]         s_data;
  wire                     s_valid, s_ready;
  wire [OUTPUTS*WIDTH-1:0] m_data;
  wire [OUTPUTS-1:0]       m_valid;

  stream_source #(.WIDTH(WIDTH)) i_source (
    .clk, .rst_n, .offer, .beat, .valid(s_valid), .ready(s_ready), .data(s_data)
  );

  stream_fork #(.WIDTH(WIDTH), .OUTPUTS(OUTPUTS)) dut (
    .ap_clk(clk), .ap_rst_n(rst_n),
    .s_axis_tdata(s_data), .s_axis_tvalid(s_valid), .s_axis_tready(s_ready),
    .m_axis_tdata(m_data), .m_axis_tvalid(m_valid), .m_axis_tready(accept)
  );

  // A beat counts as inside an output from its first offer until that output has taken it.
  logic seen_q;
  always_ff @(posedge clk) seen_q <= rst_n && s_valid && !s_ready;
  wire enters = s_valid && !seen_q;

  for (genvar i = 0; i < OUTPUTS; i++) begin : gen_output
    wire leaves = m_valid[i] && accept[i];
    wire [WIDTH-1:0] data = m_data[i*WIDTH +: WIDTH];
    wire [1:0] level;
    wire waits = enters || level != '0;

    stream_holds #(.WIDTH(WIDTH)) i_holds (.clk, .rst_n, .valid(m_valid[i]), .ready(accept[i]), .data);

    stream_order #(.WIDTH(WIDTH), .CAPACITY(1)) i_order (
      .clk, .rst_n, .mark(mark[i]), .level, .enters, .word_in(s_data), .leaves, .word_out(data)
    );

    always_comb begin
      if (rst_n) begin
        offered_at_once:   assert (m_valid[i] == waits);
        released_by_all:   assert (!(s_valid && s_ready) || leaves || !waits);
      end
    end
  end

  soon i_alive (.clk, .rst_n, .idle(s_valid && !s_ready && m_valid == '0));

endmodule

`default_nettype wire
