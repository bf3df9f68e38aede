// SPDX-License-Identifier: Apache-2.0
// skip_add as a queue of one place whose words are exact sums or differences, beat n of one operand with beat n of the
// other; with NARROW modulo 2**Y_WIDTH, which is exact where the result holds them.
`default_nettype none

module skip_add_proof #(
  parameter int unsigned SIMD = 1,
  parameter int unsigned A_WIDTH = 2,
  parameter int unsigned B_WIDTH = 2,
  parameter int unsigned Y_WIDTH = 4,
  parameter bit          A_SIGNED = 0,
  parameter bit          B_SIGNED = 0,
  parameter bit          SUBTRACT = 0,
  parameter bit          NARROW = 0
) (
  input wire                    clk,
  input wire                    reset_n,
  input wire                    offer_a, offer_b, accept, mark,
  input wire [SIMD*A_WIDTH-1:0] beat_a,
  input wire [SIMD*B_WIDTH-1:0] beat_b
);

  wire rst_n;
  first_reset i_reset (.clk, .reset_n, .rst_n);

  wire [SIMD*A_WIDTH-1:0] a;
  wire [SIMD*B_WIDTH-1:0] b;
  wire [SIMD*Y_WIDTH-1:0] y;
  wire                    a_valid, a_ready, b_valid, b_ready, valid;

  stream_source #(.WIDTH(SIMD*A_WIDTH)) i_source_a (
    .clk, .rst_n, .offer(offer_a), .beat(beat_a), .valid(a_valid), .ready(a_ready), .data(a)
  );
  stream_source #(.WIDTH(SIMD*B_WIDTH)) i_source_b (
    .clk, .rst_n, .offer(offer_b), .beat(beat_b), .valid(b_valid), .ready(b_ready), .data(b)
  );

  skip_add #(
    .SIMD(SIMD), .A_WIDTH(A_WIDTH), .B_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH), .A_SIGNED(A_SIGNED), .B_SIGNED(B_SIGNED),
    .SUBTRACT(SUBTRACT), .NARROW(NARROW)
  ) dut (
    .ap_clk(clk), .ap_rst_n(rst_n),
    .s_axis_a_tdata(a), .s_axis_a_tvalid(a_valid), .s_axis_a_tready(a_ready),
    .s_axis_b_tdata(b), .s_axis_b_tvalid(b_valid), .s_axis_b_tready(b_ready),
    .m_axis_tdata(y), .m_axis_tvalid(valid), .m_axis_tready(accept)
  );

  // Sums and results as numbers, wider than any of them.
  localparam int unsigned NUMBER = Y_WIDTH + 2;
  wire signed [NUMBER-1:0] sum[SIMD], result[SIMD];
  wire [SIMD*NUMBER-1:0] sums, results;

  for (genvar l = 0; l < SIMD; l++) begin : gen_lane
    wire [A_WIDTH-1:0] a_lane = a[l*A_WIDTH +: A_WIDTH];
    wire [B_WIDTH-1:0] b_lane = b[l*B_WIDTH +: B_WIDTH];
    wire [Y_WIDTH-1:0] y_lane = y[l*Y_WIDTH +: Y_WIDTH];
    wire signed [NUMBER-1:0] a_number = $signed({A_SIGNED && a_lane[A_WIDTH-1], a_lane});
    wire signed [NUMBER-1:0] b_number = $signed({B_SIGNED && b_lane[B_WIDTH-1], b_lane});
    assign sum[l] = SUBTRACT ? a_number - b_number : a_number + b_number;
    assign result[l] = $signed({(A_SIGNED || B_SIGNED || SUBTRACT) && y_lane[Y_WIDTH-1], y_lane});
    assign sums[l*NUMBER +: NUMBER] = NARROW ? NUMBER'(sum[l][Y_WIDTH-1:0]) : sum[l];
    assign results[l*NUMBER +: NUMBER] = NARROW ? NUMBER'(y_lane) : result[l];
  end

  wire [1:0] level;
  stream_holds #(.WIDTH(SIMD*Y_WIDTH)) i_holds (.clk, .rst_n, .valid, .ready(accept), .data(y));
  stream_order #(.WIDTH(SIMD*NUMBER), .CAPACITY(1)) i_order (
    .clk, .rst_n, .mark, .level,
    .enters(a_valid && a_ready), .word_in(sums), .leaves(valid && accept), .word_out(results)
  );

  always_comb begin
    if (rst_n) taken_together: assert ((a_valid && a_ready) == (b_valid && b_ready));
  end

  soon i_gives (.clk, .rst_n, .idle(level != '0 && !valid));
  soon i_takes (.clk, .rst_n, .idle(a_valid && b_valid && !a_ready && !(valid && !accept)));

endmodule

`default_nettype wire
