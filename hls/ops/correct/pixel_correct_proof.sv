// SPDX-License-Identifier: Apache-2.0
// pixel_correct as a queue of one place: pixel n of the image, with correction n where its flag says so.
`default_nettype none

module pixel_correct_proof (
  input wire        clk,
  input wire        reset_n,
  input wire        offer_a, offer_b, accept, mark,
  input wire [23:0] beat_a,
  input wire [31:0] beat_b
);

  wire rst_n;
  first_reset i_reset (.clk, .reset_n, .rst_n);

  wire [23:0] a, y;
  wire [31:0] b;
  wire        a_valid, a_ready, b_valid, b_ready, valid;

  stream_source #(.WIDTH(24)) i_source_a (
    .clk, .rst_n, .offer(offer_a), .beat(beat_a), .valid(a_valid), .ready(a_ready), .data(a)
  );
  stream_source #(.WIDTH(32)) i_source_b (
    .clk, .rst_n, .offer(offer_b), .beat(beat_b), .valid(b_valid), .ready(b_ready), .data(b)
  );

  pixel_correct dut (
    .ap_clk(clk), .ap_rst_n(rst_n),
    .s_axis_a_tdata(a), .s_axis_a_tvalid(a_valid), .s_axis_a_tready(a_ready),
    .s_axis_b_tdata(b), .s_axis_b_tvalid(b_valid), .s_axis_b_tready(b_ready),
    .m_axis_tdata(y), .m_axis_tvalid(valid), .m_axis_tready(accept)
  );

  wire [23:0] corrected;
  for (genvar c = 0; c < 3; c++) begin : gen_colour
    // As a number, wider than any sum.
    wire signed [10:0] sum = $signed({3'b0, b[8*c +: 8]}) + $signed({3'b0, a[8*c +: 8]}) - 11'sd128;
    assign corrected[8*c +: 8] = b[31:24] < 8'd128 ? b[8*c +: 8] : sum < 0 ? 8'd0 : sum > 255 ? 8'd255 : sum[7:0];
  end

  wire [1:0] level;
  stream_holds #(.WIDTH(24)) i_holds (.clk, .rst_n, .valid, .ready(accept), .data(y));
  stream_order #(.WIDTH(24), .CAPACITY(1)) i_order (
    .clk, .rst_n, .mark, .level,
    .enters(a_valid && a_ready), .word_in(corrected), .leaves(valid && accept), .word_out(y)
  );

  always_comb begin
    if (rst_n) taken_together: assert ((a_valid && a_ready) == (b_valid && b_ready));
  end

  soon i_gives (.clk, .rst_n, .idle(level != '0 && !valid));
  soon i_takes (.clk, .rst_n, .idle(a_valid && b_valid && !a_ready && !(valid && !accept)));

endmodule

`default_nettype wire
