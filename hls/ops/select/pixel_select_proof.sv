// SPDX-License-Identifier: Apache-2.0
// pixel_select as a queue of one place: pixel n of the operand that flag n chooses.
`default_nettype none

module pixel_select_proof #(
  parameter bit A_FLAG = 1
) (
  input wire        clk,
  input wire        reset_n,
  input wire        offer_a, offer_b, accept, mark,
  input wire [31:0] beat_a, beat_b
);

  localparam int unsigned A_WIDTH = A_FLAG ? 32 : 24;
  localparam int unsigned B_WIDTH = A_FLAG ? 24 : 32;

  wire rst_n;
  first_reset i_reset (.clk, .reset_n, .rst_n);

  wire [A_WIDTH-1:0] a;
  wire [B_WIDTH-1:0] b;
  wire [23:0]        y;
  wire               a_valid, a_ready, b_valid, b_ready, valid;

  stream_source #(.WIDTH(A_WIDTH)) i_source_a (
    .clk, .rst_n, .offer(offer_a), .beat(beat_a[A_WIDTH-1:0]), .valid(a_valid), .ready(a_ready), .data(a)
  );
  stream_source #(.WIDTH(B_WIDTH)) i_source_b (
    .clk, .rst_n, .offer(offer_b), .beat(beat_b[B_WIDTH-1:0]), .valid(b_valid), .ready(b_ready), .data(b)
  );

  pixel_select #(.A_FLAG(A_FLAG)) dut (
    .ap_clk(clk), .ap_rst_n(rst_n),
    .s_axis_a_tdata(a), .s_axis_a_tvalid(a_valid), .s_axis_a_tready(a_ready),
    .s_axis_b_tdata(b), .s_axis_b_tvalid(b_valid), .s_axis_b_tready(b_ready),
    .m_axis_tdata(y), .m_axis_tvalid(valid), .m_axis_tready(accept)
  );

  wire [31:0] flagged = A_FLAG ? 32'(a) : 32'(b);
  wire [23:0] chosen = flagged[31:24] >= 8'd128 ? a[23:0] : b[23:0];

  wire [1:0] level;
  stream_holds #(.WIDTH(24)) i_holds (.clk, .rst_n, .valid, .ready(accept), .data(y));
  stream_order #(.WIDTH(24), .CAPACITY(1)) i_order (
    .clk, .rst_n, .mark, .level,
    .enters(a_valid && a_ready), .word_in(chosen), .leaves(valid && accept), .word_out(y)
  );

  always_comb begin
    if (rst_n) taken_together: assert ((a_valid && a_ready) == (b_valid && b_ready));
  end

  soon i_gives (.clk, .rst_n, .idle(level != '0 && !valid));
  soon i_takes (.clk, .rst_n, .idle(a_valid && b_valid && !a_ready && !(valid && !accept)));

endmodule

`default_nettype wire
