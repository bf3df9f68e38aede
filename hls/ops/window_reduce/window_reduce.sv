// SPDX-License-Identifier: Apache-2.0
// Reduces every window to one pixel, channel by channel: window_sums, and the memory of its weights, if it has any.
//
//   m[n, f][l] = over t < TAPS:  max s[n, t, f][l]  |  sum s[n, t, f][l]  |  sum weights[t, f][l] * s[n, t, f][l]
//
// Word t*FOLDS + f of the file WEIGHTS has SIMD weights, lane 0 in the low bits. Order, latency, II and uncut paths are
// those of window_sums.
`default_nettype none

module window_reduce #(
  parameter int unsigned MODE = 0,          // 0: maximum, 1: sum, 2: sum with weights
  parameter int unsigned SIMD = 1,
  parameter int unsigned TAPS = 4,
  parameter int unsigned FOLDS = 1,         // beats of a tap
  parameter int unsigned X_WIDTH = 4,       // bits of one lane
  parameter bit          X_SIGNED = 0,
  parameter int unsigned W_WIDTH = 2,
  parameter int unsigned Y_WIDTH = 4,
  parameter              WEIGHTS = "",      // hexadecimal, a word a line
  parameter bit          WEIGHTS_IN_BRAM = 0
) (
  input  wire                     ap_clk,
  input  wire                     ap_rst_n,

  input  wire [SIMD*X_WIDTH-1:0]  s_axis_tdata,
  input  wire                     s_axis_tvalid,
  output wire                     s_axis_tready,

  output wire [SIMD*Y_WIDTH-1:0]  m_axis_tdata,
  output wire                     m_axis_tvalid,
  input  wire                     m_axis_tready
);

  localparam int unsigned BEATS = TAPS * FOLDS;

  wire [(BEATS > 1 ? $clog2(BEATS) : 1)-1:0] weight_place;
  wire [SIMD*W_WIDTH-1:0]                    weights;

  window_sums #(
    .MODE(MODE), .SIMD(SIMD), .TAPS(TAPS), .FOLDS(FOLDS),
    .X_WIDTH(X_WIDTH), .X_SIGNED(X_SIGNED), .W_WIDTH(W_WIDTH), .Y_WIDTH(Y_WIDTH)
  ) i_sums (
    .ap_clk, .ap_rst_n,
    .s_axis_tdata, .s_axis_tvalid, .s_axis_tready,
    .m_axis_tdata, .m_axis_tvalid, .m_axis_tready,
    .weight_place, .weights
  );

  if (MODE == 2) begin : gen_weights
    weight_rom #(
      .WIDTH(SIMD*W_WIDTH),
      .WORDS(BEATS),
      .INIT_FILE(WEIGHTS),
      .BLOCK_RAM(WEIGHTS_IN_BRAM)
    ) i_weights (
      .clk(ap_clk),
      .place(weight_place),
      .word(weights)
    );
  end else begin : gen_none
    wire unused_place = ^weight_place;
    assign weights = '0;
  end

endmodule

`default_nettype wire
