// SPDX-License-Identifier: Apache-2.0
// Keeps a box of a tensor: some rows, columns and channels; the others are taken and dropped.
//
//   m[y, x, f] = s[y + CROP_N, x + CROP_W, f + FIRST],  f < LAST - FIRST in beats of a pixel
//
// Stream order y, x, f on both sides, a frame after the other.
// Latency 1, II 1 at the input. The output is registered; a beat that is dropped is taken whether or not it is free.
// Not cut: m_axis_tready -> s_axis_tready.
`default_nettype none

module tensor_slice #(
  parameter int unsigned WIDTH = 8,   // bits of a beat
  parameter int unsigned IMG_H = 2,   // rows and columns of the input
  parameter int unsigned IMG_W = 2,
  parameter int unsigned FOLDS = 1,   // beats of a pixel of the input
  parameter int unsigned FIRST = 0,   // of which FIRST .. LAST-1 are kept
  parameter int unsigned LAST = FOLDS,
  parameter int unsigned CROP_N = 0,  // rows and columns dropped
  parameter int unsigned CROP_E = 0,
  parameter int unsigned CROP_S = 0,
  parameter int unsigned CROP_W = 0
) (
  input  wire              ap_clk,
  input  wire              ap_rst_n,

  input  wire [WIDTH-1:0]  s_axis_tdata,
  input  wire              s_axis_tvalid,
  output wire              s_axis_tready,

  output wire [WIDTH-1:0]  m_axis_tdata,
  output wire              m_axis_tvalid,
  input  wire              m_axis_tready
);

  if (WIDTH < 1 || IMG_H < 1 || IMG_W < 1 || FOLDS < 1) begin : gen_size_check
    $fatal(1, "tensor_slice: WIDTH, IMG_H, IMG_W, FOLDS must be 1 or more, got %0d, %0d, %0d, %0d",
           WIDTH, IMG_H, IMG_W, FOLDS);
  end
  if (FIRST >= LAST || LAST > FOLDS) begin : gen_beats_check
    $fatal(1, "tensor_slice: FIRST must be below LAST, and LAST at most the %0d beats, got %0d and %0d",
           FOLDS, FIRST, LAST);
  end
  if (CROP_N + CROP_S >= IMG_H) begin : gen_rows_check
    $fatal(1, "tensor_slice: CROP_N + CROP_S must be below the %0d rows, got %0d", IMG_H, CROP_N + CROP_S);
  end
  if (CROP_W + CROP_E >= IMG_W) begin : gen_columns_check
    $fatal(1, "tensor_slice: CROP_W + CROP_E must be below the %0d columns, got %0d", IMG_W, CROP_W + CROP_E);
  end

  typedef logic [$clog2(FOLDS+1)-1:0] fold_t;
  typedef logic [$clog2(IMG_W+1)-1:0] column_t;
  typedef logic [$clog2(IMG_H+1)-1:0] row_t;

  //- Where the beat belongs ---------------------------------------------------
  fold_t   fold_q;
  column_t column_q;
  row_t    row_q;

  // One more bit where a bound of 0 would make a comparison constant.
  wire keep_fold   = {1'b1, fold_q} >= {1'b1, fold_t'(FIRST)} && fold_q <= fold_t'(LAST - 1);
  wire keep_column = {1'b1, column_q} >= {1'b1, column_t'(CROP_W)} && column_q <= column_t'(IMG_W - CROP_E - 1);
  wire keep_row    = {1'b1, row_q} >= {1'b1, row_t'(CROP_N)} && row_q <= row_t'(IMG_H - CROP_S - 1);
  wire keep        = keep_fold && keep_column && keep_row;

  logic valid_q;
  wire  load = !valid_q || m_axis_tready;
  wire  take = s_axis_tvalid && s_axis_tready;

  assign s_axis_tready = !keep || load;

  wire fold_last   = fold_q == fold_t'(FOLDS - 1);
  wire column_last = fold_last && column_q == column_t'(IMG_W - 1);
  wire row_last    = column_last && row_q == row_t'(IMG_H - 1);

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      fold_q   <= '0;
      column_q <= '0;
      row_q    <= '0;
    end else if (take) begin
      fold_q <= fold_last ? '0 : fold_q + 1'b1;
      if (fold_last)   column_q <= column_last ? '0 : column_q + 1'b1;
      if (column_last) row_q    <= row_last ? '0 : row_q + 1'b1;
    end
  end

  //- The beat -----------------------------------------------------------------
  logic [WIDTH-1:0] data_q;

  assign m_axis_tvalid = valid_q;
  assign m_axis_tdata  = data_q;

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) valid_q <= 1'b0;
    else if (load) valid_q <= s_axis_tvalid && keep;
  end

  always_ff @(posedge ap_clk) begin
    if (load) data_q <= s_axis_tdata;
  end

endmodule

`default_nettype wire
