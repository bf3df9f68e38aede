// SPDX-License-Identifier: Apache-2.0
// Repeats every pixel FACTOR_W times along the row and every row FACTOR_H times: nearest neighbour.
//
//   m[y, x, f] = s[y / FACTOR_H, x / FACTOR_W, f],  f < FOLDS beats of a pixel
//
// Stream order y, x, f on both sides. The first pass over a row hands on pixels as they come, and keeps the row, or,
// where rows are not repeated, the pixel; all else is read from there. Only a row's beats are counted: frames of any
// height follow one another.
// Latency 1, II 1 at the output. The output is registered; s_axis_tready is low while beats are repeated.
// Not cut: m_axis_tready -> s_axis_tready.
`default_nettype none

module nearest_upsample #(
  parameter int unsigned WIDTH = 8,      // bits of a beat
  parameter int unsigned IMG_W = 2,      // columns of the input
  parameter int unsigned FOLDS = 1,      // beats of a pixel
  parameter int unsigned FACTOR_H = 2,
  parameter int unsigned FACTOR_W = 2,
  parameter bit          BLOCK_RAM = 0   // where the row is kept; 0: in LUTs
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

  if (WIDTH < 1 || IMG_W < 1 || FOLDS < 1) begin : gen_size_check
    $fatal(1, "nearest_upsample: WIDTH, IMG_W, FOLDS must be 1 or more, got %0d, %0d, %0d", WIDTH, IMG_W, FOLDS);
  end
  if (FACTOR_H < 1 || FACTOR_W < 1) begin : gen_factor_check
    $fatal(1, "nearest_upsample: FACTOR_H and FACTOR_W must be 1 or more, got %0d and %0d", FACTOR_H, FACTOR_W);
  end

  localparam int unsigned PLACES = FACTOR_H > 1 ? IMG_W * FOLDS : FOLDS;  // beats kept

  typedef logic [$clog2(FOLDS+1)-1:0]                   fold_t;
  typedef logic [$clog2(FACTOR_W+1)-1:0]                repeat_t;
  typedef logic [$clog2(FACTOR_H+1)-1:0]                pass_t;
  typedef logic [(PLACES > 1 ? $clog2(PLACES) : 1)-1:0] place_t;

  //- Which beat is next -------------------------------------------------------
  fold_t   fold_q;
  repeat_t repeat_q;  // of the pixel
  pass_t   pass_q;    // of the row
  place_t  place_q;   // of the beat among those that are kept

  logic valid_q;
  wire  load  = !valid_q || m_axis_tready;
  wire  fresh = pass_q == '0 && repeat_q == '0;
  wire  step  = load && (s_axis_tvalid || !fresh);

  assign s_axis_tready = load && fresh;

  wire fold_last   = fold_q == fold_t'(FOLDS - 1);
  wire repeat_last = fold_last && repeat_q == repeat_t'(FACTOR_W - 1);
  wire pass_ends   = repeat_last && place_q == place_t'(PLACES - 1);
  wire pass_last   = pass_q == pass_t'(FACTOR_H - 1);

  logic [$bits(place_t)-1:0] place_d;
  always_comb begin
    if (fold_last && !repeat_last) place_d = place_q - place_t'(FOLDS - 1);  // the pixel again
    else                           place_d = pass_ends ? '0 : place_q + 1'b1;
  end

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      fold_q   <= '0;
      repeat_q <= '0;
      pass_q   <= '0;
      place_q  <= '0;
    end else if (step) begin
      fold_q  <= fold_last ? '0 : fold_q + 1'b1;
      place_q <= place_d;
      if (fold_last) repeat_q <= repeat_last ? '0 : repeat_q + 1'b1;
      if (pass_ends) pass_q   <= pass_last ? '0 : pass_q + 1'b1;
    end
  end

  //- What is kept -------------------------------------------------------------
  // A beat is read in the step before it is handed on. One that is read in the step in which it is written is the one
  // handed on then: it stays in the output register.
  logic [WIDTH-1:0] read_q;
  logic             again_q;

  if (BLOCK_RAM) begin : gen_block
    (* ram_style = "block" *) logic [WIDTH-1:0] kept_q [PLACES];

    always_ff @(posedge ap_clk) begin
      if (step) begin
        read_q <= kept_q[place_d];
        if (fresh) kept_q[place_q] <= s_axis_tdata;
      end
    end
  end else begin : gen_luts
    (* ram_style = "distributed" *) logic [WIDTH-1:0] kept_q [PLACES];

    always_ff @(posedge ap_clk) begin
      if (step) begin
        read_q <= kept_q[place_d];
        if (fresh) kept_q[place_q] <= s_axis_tdata;
      end
    end
  end

  always_ff @(posedge ap_clk) begin
    if (step) again_q <= place_d == place_q;
  end

  //- The beat -----------------------------------------------------------------
  logic [WIDTH-1:0] data_q;

  assign m_axis_tvalid = valid_q;
  assign m_axis_tdata  = data_q;

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) valid_q <= 1'b0;
    else if (load) valid_q <= step;
  end

  always_ff @(posedge ap_clk) begin
    if (step) begin
      if (fresh)         data_q <= s_axis_tdata;
      else if (!again_q) data_q <= read_q;
    end
  end

endmodule

`default_nettype wire
