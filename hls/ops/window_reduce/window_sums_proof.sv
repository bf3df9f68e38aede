// SPDX-License-Identifier: Apache-2.0
// window_sums: the beat at any one place of a pixel is the maximum, the sum or the weighted sum of the window's beats
// at that place of its taps, as exact numbers, window after window, for any weights. The place and the weights are
// drawn at reset, from free inputs; the beats at that place are a queue, over which the windows' order is shown as for
// any stream. As every place has its beat and each beat that leaves is counted, none is lost, doubled or moved.
`default_nettype none

module window_sums_proof #(
  parameter int unsigned MODE = 0,
  parameter int unsigned SIMD = 1,
  parameter int unsigned TAPS = 2,
  parameter int unsigned FOLDS = 1,
  parameter int unsigned X_WIDTH = 2,
  parameter bit          X_SIGNED = 0,
  parameter int unsigned W_WIDTH = 2,
  parameter int unsigned Y_WIDTH = 2,
  parameter bit          INVARIANTS = 1 // 0: the contract alone
) (
  input wire                                      clk,
  input wire                                      reset_n,
  input wire                                      offer, accept, mark,
  input wire [SIMD*X_WIDTH-1:0]                   beat,
  input wire [3:0]                                any_place,
  input wire [TAPS*FOLDS-1:0][SIMD*W_WIDTH-1:0]   any_weights
);

  localparam int unsigned BEATS = TAPS * FOLDS;
  localparam int unsigned NUMBER = X_WIDTH + W_WIDTH + $clog2(TAPS + 1) + 2;
  localparam bit          WEIGHTED = MODE == 2;
  localparam bit          Y_SIGNED = X_SIGNED || WEIGHTED;

  typedef logic signed [NUMBER-1:0] number_t;

  wire rst_n;
  first_reset i_reset (.clk, .reset_n, .rst_n);

  wire [SIMD*X_WIDTH-1:0] s_data;
  wire [SIMD*Y_WIDTH-1:0] m_data;
  wire                    s_valid, s_ready, m_valid;

  stream_source #(.WIDTH(SIMD*X_WIDTH)) i_source (
    .clk, .rst_n, .offer, .beat, .valid(s_valid), .ready(s_ready), .data(s_data)
  );

  // The memory of weights.
  wire  [(BEATS > 1 ? $clog2(BEATS) : 1)-1:0] weight_place;
  logic [BEATS-1:0][SIMD*W_WIDTH-1:0]         words_q;
  logic [SIMD*W_WIDTH-1:0]                    word_q;
  always_ff @(posedge clk) begin
    if (!rst_n) words_q <= any_weights;
    word_q <= !rst_n ? any_weights[0] : words_q[weight_place];
  end
  always_comb if (!rst_n) first_weight: assert (weight_place == '0);

  window_sums #(
    .MODE(MODE), .SIMD(SIMD), .TAPS(TAPS), .FOLDS(FOLDS),
    .X_WIDTH(X_WIDTH), .X_SIGNED(X_SIGNED), .W_WIDTH(W_WIDTH), .Y_WIDTH(Y_WIDTH)
  ) dut (
    .ap_clk(clk), .ap_rst_n(rst_n),
    .s_axis_tdata(s_data), .s_axis_tvalid(s_valid), .s_axis_tready(s_ready),
    .m_axis_tdata(m_data), .m_axis_tvalid(m_valid), .m_axis_tready(accept),
    .weight_place, .weights(word_q)
  );

  logic [FOLDS-1:0] place_q;  // one hot
  always_ff @(posedge clk) begin
    if (!rst_n) place_q <= FOLDS'(1) << (32'(any_place) < FOLDS ? any_place : 4'd0);
  end

  // Beats that come are counted over a window, those that leave over a pixel.
  wire [$clog2(BEATS+1)-1:0] s_place;
  wire [$clog2(FOLDS+1)-1:0] m_place;
  wire unused_s_end, unused_m_end;
  wire take = s_valid && s_ready;
  wire give = m_valid && accept;
  modulo #(.PERIOD(BEATS)) i_in (.clk, .rst_n, .step(take), .last(unused_s_end), .count(s_place));
  modulo #(.PERIOD(FOLDS)) i_out (.clk, .rst_n, .step(give), .last(unused_m_end), .count(m_place));

  wire [FOLDS-1:0][TAPS-1:0] s_tap;  // the beat that is next is this tap's, at the watched place
  wire [FOLDS-1:0]           m_here;
  for (genvar f = 0; f < FOLDS; f++) begin : gen_place
    for (genvar t = 0; t < TAPS; t++) begin : gen_tap
      assign s_tap[f][t] = place_q[f] && 32'(s_place) == t * FOLDS + f;
    end
    assign m_here[f] = place_q[f] && 32'(m_place) == f;
  end
  logic [TAPS-1:0] tap;
  always_comb begin
    tap = '0;
    for (int f = 0; f < FOLDS; f++) tap |= s_tap[f];
  end

  // The watched place's beats of a window, the last as it comes, and their weights.
  logic [TAPS-1:0][SIMD*X_WIDTH-1:0] taps_q, taps;
  logic [TAPS-1:0][SIMD*W_WIDTH-1:0] weights;
  always_ff @(posedge clk) begin
    for (int t = 0; t < TAPS; t++) if (take && tap[t]) taps_q[t] <= s_data;
  end
  always_comb begin
    taps = taps_q;
    taps[TAPS-1] = s_data;
    weights = '0;
    for (int f = 0; f < FOLDS; f++) for (int t = 0; t < TAPS; t++) if (place_q[f]) weights[t] |= words_q[t*FOLDS + f];
  end

  // What the first `count` taps come to in lane l.
  function automatic number_t reduced(
    input logic [TAPS-1:0][SIMD*X_WIDTH-1:0] given, input logic [TAPS-1:0][SIMD*W_WIDTH-1:0] scaled, input int l,
    input int count
  );
    reduced = '0;
    for (int t = 0; t < TAPS; t++) begin
      automatic logic [X_WIDTH-1:0] x = given[t][X_WIDTH*l +: X_WIDTH];
      automatic logic [W_WIDTH-1:0] w = scaled[t][W_WIDTH*l +: W_WIDTH];
      automatic number_t value = NUMBER'($signed({X_SIGNED && x[X_WIDTH-1], x}));
      if (WEIGHTED) value = value * NUMBER'($signed(w));
      if (t < count) reduced = MODE != 0 ? reduced + value : t == 0 || value > reduced ? value : reduced;
    end
  endfunction

  function automatic number_t number(input logic [Y_WIDTH-1:0] y);
    return NUMBER'($signed({Y_SIGNED && y[Y_WIDTH-1], y}));
  endfunction

  wire [SIMD*NUMBER-1:0] due, given;
  for (genvar l = 0; l < SIMD; l++) begin : gen_lane
    assign due[NUMBER*l +: NUMBER] = reduced(taps, weights, l, TAPS);
    assign given[NUMBER*l +: NUMBER] = number(m_data[Y_WIDTH*l +: Y_WIDTH]);
  end

  wire [1:0] level;
  stream_holds #(.WIDTH(SIMD*Y_WIDTH)) i_holds (.clk, .rst_n, .valid(m_valid), .ready(accept), .data(m_data));
  stream_order #(.WIDTH(SIMD*NUMBER), .CAPACITY(1)) i_order (
    .clk, .rst_n, .mark, .level,
    .enters(take && tap[TAPS-1]), .word_in(due), .leaves(give && |m_here), .word_out(given)
  );

  // What makes the proof inductive: the module's counters as functions of the reference's, its weights and what it
  // keeps of the watched place's taps so far.
  always_comb begin
    if (rst_n) begin
      tap_in_range:  assert (32'(dut.tap_q) < TAPS);
      fold_in_range: assert (32'(dut.fold_q) < FOLDS);
    end
    if (rst_n && INVARIANTS) begin
      one_place:      assert ($onehot(place_q));
      input_place:    assert (32'(s_place) == 32'(dut.tap_q) * FOLDS + 32'(dut.fold_q) && 32'(s_place) == 32'(dut.beat_q));
      right_weights:  assert (!WEIGHTED || word_q == words_q[dut.beat_q]);
      output_place:   assert (
        32'(m_place) < FOLDS
        && (32'(m_place) + 32'(m_valid)) % FOLDS == (32'(dut.tap_q) == TAPS - 1 ? 32'(dut.fold_q) : 0)
      );
      level_exact:    assert (level == 2'(m_valid && |m_here));
      watched_inside: assert (!i_order.watched_q || level == 2'd1 && i_order.ahead_q == '0);
      watched_held:   assert (!i_order.watched_q || given == i_order.word_q);
    end
  end

  for (genvar f = 0; f < FOLDS; f++) begin : gen_kept
    for (genvar t = 1; t < TAPS; t++) begin : gen_count
      wire come = place_q[f] && 32'(s_place) > (t - 1) * FOLDS + f && 32'(s_place) <= t * FOLDS + f;  // so many taps
      for (genvar l = 0; l < SIMD; l++) begin : gen_lane
        always_comb begin
          if (rst_n && INVARIANTS)
            kept: assert (!come || number(dut.sums_q[f][Y_WIDTH*l +: Y_WIDTH]) == reduced(taps_q, weights, l, t));
        end
      end
    end
  end

  // It never waits for itself, nor a pixel for more than its last tap; and no other tap waits for the output.
  soon i_gives (.clk, .rst_n, .idle(level != '0 && !m_valid));
  soon i_takes (
    .clk, .rst_n, .idle(!s_ready && !(m_valid && !accept && 32'(s_place) >= BEATS - FOLDS))
  );

endmodule

`default_nettype wire
