// SPDX-License-Identifier: Apache-2.0
// Reduces every window to one pixel, channel by channel: maximum, sum, or sum with constant weights.
//
//   m[n, f][l] = over t < TAPS:  max s[n, t, f][l]  |  sum s[n, t, f][l]  |  sum weights[t, f][l] * s[n, t, f][l]
//
// The input is a sliding window's: window n, its taps t, FOLDS beats f of a tap's channels, SIMD lanes l; the output
// has the beats of one tap. Lanes of the input are signed or not (X_SIGNED), weights are signed; the result is signed
// where the input is or there are weights, and Y_WIDTH must hold it. The weights of beat t*FOLDS + f of a window are
// asked for a cycle ahead. Only beats of a window are counted.
// Latency 1 from the last tap's beat, II 1 at the input. The output is registered; s_axis_tready is low only while it
// waits and the next beat is of a last tap.
// Not cut: m_axis_tready -> s_axis_tready. The product, the sum and the memory of sums are between two registers.
`default_nettype none

module window_sums #(
  parameter int unsigned MODE = 0,          // 0: maximum, 1: sum, 2: sum with weights
  parameter int unsigned SIMD = 1,
  parameter int unsigned TAPS = 4,
  parameter int unsigned FOLDS = 1,         // beats of a tap
  parameter int unsigned X_WIDTH = 4,       // bits of one lane
  parameter bit          X_SIGNED = 0,
  parameter int unsigned W_WIDTH = 2,
  parameter int unsigned Y_WIDTH = 4
) (
  input  wire                     ap_clk,
  input  wire                     ap_rst_n,

  input  wire [SIMD*X_WIDTH-1:0]  s_axis_tdata,
  input  wire                     s_axis_tvalid,
  output wire                     s_axis_tready,

  output wire [SIMD*Y_WIDTH-1:0]  m_axis_tdata,
  output wire                     m_axis_tvalid,
  input  wire                     m_axis_tready,

  output wire [(TAPS*FOLDS > 1 ? $clog2(TAPS*FOLDS) : 1)-1:0] weight_place,  // of the next cycle's beat
  input  wire [SIMD*W_WIDTH-1:0]  weights                                     // of this cycle's, lane 0 in the low bits
);

  localparam bit WEIGHTED = MODE == 2;
  localparam bit SUM      = MODE == 1;

  if (MODE > 2) begin : gen_mode_check
    $fatal(1, "window_sums: MODE must be 0, 1 or 2, got %0d", MODE);
  end
  if (SIMD < 1 || TAPS < 1 || FOLDS < 1 || X_WIDTH < 1) begin : gen_size_check
    $fatal(1, "window_sums: SIMD, TAPS, FOLDS, X_WIDTH must be 1 or more, got %0d, %0d, %0d, %0d",
           SIMD, TAPS, FOLDS, X_WIDTH);
  end
  if (MODE == 0 ? Y_WIDTH != X_WIDTH : Y_WIDTH < (SUM ? X_WIDTH : 1)) begin : gen_result_check
    $fatal(1, "window_sums: Y_WIDTH must be X_WIDTH = %0d for a maximum, at least that for a sum, got %0d",
           X_WIDTH, Y_WIDTH);
  end
  if (WEIGHTED && W_WIDTH < 2) begin : gen_weight_check
    $fatal(1, "window_sums: W_WIDTH must be 2 or more, got %0d", W_WIDTH);
  end

  localparam int unsigned BEATS = TAPS * FOLDS;

  typedef logic [$clog2(FOLDS+1)-1:0]                  fold_t;
  typedef logic [$clog2(TAPS+1)-1:0]                   tap_t;
  typedef logic [(FOLDS > 1 ? $clog2(FOLDS) : 1)-1:0]  place_t;
  typedef logic [(BEATS > 1 ? $clog2(BEATS) : 1)-1:0]  beat_t;
  typedef logic [Y_WIDTH-1:0]                          sum_t;

  //- Where the beat belongs ---------------------------------------------------
  fold_t fold_q;
  tap_t  tap_q;
  beat_t beat_q;  // tap_q * FOLDS + fold_q

  logic valid_q;
  wire  load      = !valid_q || m_axis_tready;
  wire  begins    = tap_q == '0;
  wire  completes = tap_q == tap_t'(TAPS - 1);
  wire  take      = s_axis_tvalid && s_axis_tready;

  assign s_axis_tready = !completes || load;

  wire fold_last   = fold_q == fold_t'(FOLDS - 1);
  wire window_last = fold_last && completes;

  wire [$bits(beat_t)-1:0] beat_d = !take ? beat_q : window_last ? '0 : beat_q + 1'b1;

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      fold_q <= '0;
      tap_q  <= '0;
      beat_q <= '0;
    end else begin
      beat_q <= beat_d;
      if (take)              fold_q <= fold_last ? '0 : fold_q + 1'b1;
      if (take && fold_last) tap_q  <= window_last ? '0 : tap_q + 1'b1;
    end
  end

  assign weight_place = ap_rst_n ? beat_d : '0;

  //- What the taps so far have come to ----------------------------------------
  (* ram_style = "distributed" *) logic [SIMD*Y_WIDTH-1:0] sums_q [FOLDS];

  wire place_t             place = place_t'(fold_q);
  wire [SIMD*Y_WIDTH-1:0]  kept  = sums_q[place];
  logic [SIMD*Y_WIDTH-1:0] after;

  for (genvar l = 0; l < SIMD; l++) begin : gen_lane
    wire [X_WIDTH-1:0]        x = s_axis_tdata[l*X_WIDTH +: X_WIDTH];
    wire signed [X_WIDTH:0]   x_signed = {X_SIGNED && x[X_WIDTH-1], x};
    wire signed [W_WIDTH-1:0] weight = weights[l*W_WIDTH +: W_WIDTH];
    wire sum_t                old = kept[l*Y_WIDTH +: Y_WIDTH];
    sum_t                     term, total;

    if (WEIGHTED) begin : gen_product
      // No wider than the product is: of few bits, synthesis makes it of LUTs.
      wire signed [X_WIDTH+W_WIDTH-1:0] product = (X_WIDTH+W_WIDTH)'(x_signed) * (X_WIDTH+W_WIDTH)'(weight);
      assign term = sum_t'(product);
    end else begin : gen_value
      wire unused_weight = ^weight;
      assign term = sum_t'(x_signed);
    end

    if (WEIGHTED || SUM) begin : gen_sum
      assign total = old + term;
    end else begin : gen_max
      wire signed [Y_WIDTH:0] old_signed = {X_SIGNED && old[Y_WIDTH-1], old};
      assign total = old_signed > (Y_WIDTH+1)'(x_signed) ? old : term;
    end

    assign after[l*Y_WIDTH +: Y_WIDTH] = begins ? term : total;
  end

  always_ff @(posedge ap_clk) begin
    if (take) sums_q[place] <= after;
  end

  //- The pixel ----------------------------------------------------------------
  logic [SIMD*Y_WIDTH-1:0] data_q;

  assign m_axis_tvalid = valid_q;
  assign m_axis_tdata  = data_q;

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) valid_q <= 1'b0;
    else if (load) valid_q <= s_axis_tvalid && completes;
  end

  always_ff @(posedge ap_clk) begin
    if (load) data_q <= after;
  end

endmodule

`default_nettype wire
