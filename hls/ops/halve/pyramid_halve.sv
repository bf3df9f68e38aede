// SPDX-License-Identifier: Apache-2.0
// Averages the sound pixels of every cell of 2x2; one level up a pyramid of sound pixels.
//
//   n = pixels of the cell with flag < 128
//   m = n != 0 ? {0, (sum of their colours + n/2) / n} : {255, 128, 128, 128}
//
// A pixel is three bytes R, G, B, R in the low bits, and the flag, of which only the top bit is looked at. The
// sums of an upper row's pairs wait in a memory of half a row for the row below. Rows and columns alone are
// counted: frames of any even height follow one another.
// Latency 1 from the cell's last pixel, II 1. The output is registered; s_axis_tready is low only while it waits
// and the next pixel completes a cell.
// Not cut: m_axis_tready -> s_axis_tready.
`default_nettype none

module pyramid_halve #(
  parameter int unsigned IMG_W = 2,  // columns of the input
  parameter int unsigned BITS = 8    // of a colour, and of the flag; fewer in proofs only
) (
  input  wire               ap_clk,
  input  wire               ap_rst_n,

  input  wire [4*BITS-1:0]  s_axis_tdata,
  input  wire               s_axis_tvalid,
  output wire               s_axis_tready,

  output wire [4*BITS-1:0]  m_axis_tdata,
  output wire               m_axis_tvalid,
  input  wire               m_axis_tready
);

  if (IMG_W < 2 || IMG_W % 2 != 0) begin : gen_width_check
    $fatal(1, "pyramid_halve: IMG_W must be even and 2 or more, got %0d", IMG_W);
  end
  if (BITS < 1 || BITS > 8) begin : gen_bits_check
    $fatal(1, "pyramid_halve: BITS must be 1 to 8, got %0d", BITS);
  end

  localparam int unsigned CELLS = IMG_W / 2;

  typedef logic [(CELLS > 1 ? $clog2(CELLS) : 1)-1:0] cell_t;
  typedef logic [BITS-1:0] colour_t;
  typedef logic [BITS:0]   two_t;   // sum of two colours
  typedef logic [BITS+1:0] four_t;  // and of four

  // The mean of n colours, rounded half up.
  function automatic colour_t mean(input four_t sum, input logic [2:0] n);
    automatic logic [9:0]  third = 10'(sum) + 10'd1;             // of at most 766, a third is *683 / 2048
    automatic logic [12:0] by_5  = {1'b0, third, 2'b0} + 13'(third);
    automatic logic [16:0] by_85 = {by_5, 4'b0} + 17'(by_5);     // 683 = 8*85 + 3
    automatic logic [19:0] by_683 = {by_85, 3'b0} + 20'(third) + {9'b0, third, 1'b0};
    unique case (n)
      3'd0:    mean = colour_t'(1) << (BITS - 1);
      3'd1:    mean = colour_t'(sum);
      3'd2:    mean = colour_t'((sum + 1'b1) >> 1);
      3'd3:    mean = colour_t'(by_683 >> 11);
      default: mean = colour_t'((sum + four_t'(2)) >> 2);
    endcase
  endfunction

  //- Where the pixel belongs -------------------------------------------------
  cell_t cell_q;
  logic  right_q;  // column of the cell
  logic  lower_q;  // row of the cell

  logic  valid_q;
  wire   load      = !valid_q || m_axis_tready;
  wire   completes = right_q && lower_q;
  wire   take      = s_axis_tvalid && s_axis_tready;
  wire   row_end   = right_q && cell_q == cell_t'(CELLS - 1);

  assign s_axis_tready = !completes || load;

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      cell_q  <= '0;
      right_q <= 1'b0;
      lower_q <= 1'b0;
    end else if (take) begin
      right_q <= !right_q;
      if (right_q) cell_q  <= row_end ? '0 : cell_q + 1'b1;
      if (row_end) lower_q <= !lower_q;
    end
  end

  //- Sums of its sound pixels ------------------------------------------------
  typedef struct packed {
    logic [1:0] n;
    two_t [2:0] sums;
  } pair_t;

  (* ram_style = "distributed" *)
  logic [$bits(pair_t)-1:0] upper_q [CELLS];  // of the upper row's pairs

  logic [1:0]  n_q;  // of the cell, before its last pixel of this row
  four_t [2:0] sums_q;

  wire         sound = !s_axis_tdata[4*BITS-1];
  wire pair_t  upper = upper_q[cell_q];
  wire [2:0]   n = 3'(n_q) + 3'(sound);
  four_t [2:0] sums;
  pair_t       pair;

  always_comb begin
    pair.n = n[1:0];
    for (int c = 0; c < 3; c++) begin
      sums[c] = sums_q[c] + (sound ? four_t'(s_axis_tdata[BITS*c +: BITS]) : '0);
      pair.sums[c] = two_t'(sums[c]);
    end
  end

  always_ff @(posedge ap_clk) begin
    if (take && !right_q) begin
      n_q <= (lower_q ? upper.n : 2'd0) + 2'(sound);
      for (int c = 0; c < 3; c++) begin
        sums_q[c] <= (lower_q ? four_t'(upper.sums[c]) : '0) + (sound ? four_t'(s_axis_tdata[BITS*c +: BITS]) : '0);
      end
    end
  end

  always_ff @(posedge ap_clk) begin
    if (take && right_q && !lower_q) upper_q[cell_q] <= pair;
  end

  //- The cell ----------------------------------------------------------------
  colour_t [2:0] colours_q;
  logic          broken_q;
  wire [BITS-1:0] unused_flag = s_axis_tdata[4*BITS-1 -: BITS];

  assign m_axis_tvalid = valid_q;
  assign m_axis_tdata  = {{BITS{broken_q}}, colours_q};

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) valid_q <= 1'b0;
    else if (load) valid_q <= s_axis_tvalid && completes;
  end

  always_ff @(posedge ap_clk) begin
    if (load) begin
      broken_q <= n == 3'd0;
      for (int c = 0; c < 3; c++) colours_q[c] <= mean(sums[c], n);
    end
  end

endmodule

`default_nettype wire
