// SPDX-License-Identifier: Apache-2.0
// pixel_in as a queue of two places whatever TLAST does; frame_error tells of each wrong TLAST, and only of those.
`default_nettype none

module pixel_in_proof #(
  parameter int unsigned WIDTH = 2,
  parameter int unsigned FRAME_BEATS = 3
) (
  input wire             clk,
  input wire             reset_n,
  input wire             offer, last, accept, mark,
  input wire [WIDTH-1:0] beat
);

  wire rst_n;
  first_reset i_reset (.clk, .reset_n, .rst_n);

  wire [WIDTH-1:0] s_data, m_data;
  wire             s_valid, s_ready, s_last, m_valid, frame_error;
  wire [1:0]       level;

  stream_source #(.WIDTH(WIDTH + 1)) i_source (
    .clk, .rst_n, .offer, .beat({last, beat}), .valid(s_valid), .ready(s_ready), .data({s_last, s_data})
  );

  pixel_in #(.WIDTH(WIDTH), .FRAME_BEATS(FRAME_BEATS)) dut (
    .ap_clk(clk), .ap_rst_n(rst_n),
    .s_axis_tdata(s_data), .s_axis_tvalid(s_valid), .s_axis_tready(s_ready), .s_axis_tlast(s_last),
    .m_axis_tdata(m_data), .m_axis_tvalid(m_valid), .m_axis_tready(accept),
    .frame_error
  );

  stream_holds #(.WIDTH(WIDTH)) i_holds (.clk, .rst_n, .valid(m_valid), .ready(accept), .data(m_data));

  stream_order #(.WIDTH(WIDTH), .CAPACITY(2)) i_order (
    .clk, .rst_n, .mark, .level,
    .enters(s_valid && s_ready), .word_in(s_data), .leaves(m_valid && accept), .word_out(m_data)
  );

  wire frame_end;
  logic error_q;
  modulo #(.PERIOD(FRAME_BEATS)) i_beats (.clk, .rst_n, .step(s_valid && s_ready), .last(frame_end), .count());
  always_ff @(posedge clk) error_q <= rst_n && (error_q || (s_valid && s_ready && s_last != frame_end));

  always_comb begin
    if (rst_n) begin
      error_exact:   assert (frame_error == error_q);
      beat_in_range: assert (dut.beat_q < FRAME_BEATS);
    end
  end

  soon i_gives (.clk, .rst_n, .idle(level != '0 && !m_valid));
  soon i_takes (.clk, .rst_n, .idle(level < 2 && !s_ready));

endmodule

`default_nettype wire
