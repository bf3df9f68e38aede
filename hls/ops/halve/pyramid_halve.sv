// SPDX-License-Identifier: Apache-2.0
// Averages the sound pixels of every cell of 2x2; one level up a pyramid of sound pixels.
//
//   n = pixels of the cell with flag < 128
//   m = n != 0 ? {0, (sum of their colours + n/2) / n} : {255, 128, 128, 128}
//
// A pixel is three bytes R, G, B, R in the low bits, and the flag, of which only the top bit is looked at. Rows and
// columns alone are counted: frames of any even height follow one another.
//
// Three steps. A pixel is taken into a register, its colours 0 where it is broken. It is added to what its cell has:
// the sums of an upper row's pairs wait in a memory of half a row for the row below. The sum of a cell is divided.
// Latency 3 from the cell's last pixel, II 1. The output is registered. At most two cells are on their way, from
// their last pixel to the output; meanwhile only a pixel that would complete a third one waits, so nothing
// behind the first register ever does but a cell that is summed up.
// Cut: every path.
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

  // A third of x < 48, and what is left.
  function automatic logic [5:0] third(input logic [5:0] x);
    third = '0;
    for (int k = 0; k < 48; k++) if (x == 6'(k)) third = {4'(k / 3), 2'(k % 3)};
  endfunction

  // Of three colours, sum + n/2 is less than 768: digits to the base 16, the first less than 48.
  function automatic colour_t by_3(input four_t sum);
    automatic logic [9:0] x = 10'(sum);
    automatic logic [3:0] high, low;
    automatic logic [1:0] left, unused_left;
    {high, left}       = third(x[9:4]);
    {low, unused_left} = third({left, x[3:0]});
    by_3 = colour_t'({high, low});
  endfunction

  //- Where the pixel belongs that is next ------------------------------------
  cell_t cell_q;
  logic  right_q;  // column of the cell
  logic  lower_q;  // row of the cell

  logic [1:0] busy_q;  // cells on their way: one, two
  wire   completes = right_q && lower_q;
  wire   take      = s_axis_tvalid && s_axis_tready;
  wire   give      = m_axis_tvalid && m_axis_tready;
  wire   row_end   = right_q && cell_q == cell_t'(CELLS - 1);

  assign s_axis_tready = !(completes && busy_q[1]);

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

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n)                       busy_q <= '0;
    else if (take && completes && !give) busy_q <= {busy_q[0], 1'b1};
    else if (!(take && completes) && give) busy_q <= {1'b0, busy_q[1]};
  end

  //- The pixel that was taken ------------------------------------------------
  logic          there_q;
  cell_t         place_q;
  logic          last_q, below_q;  // its column and its row of the cell
  logic          sound_q;
  colour_t [2:0] pixel_q;
  wire           sound = !s_axis_tdata[4*BITS-1];
  wire [BITS-1:0] unused_flag = s_axis_tdata[4*BITS-1 -: BITS];

  always_ff @(posedge ap_clk) begin
    there_q <= ap_rst_n && take;
    place_q <= cell_q;
    last_q  <= right_q;
    below_q <= lower_q;
    sound_q <= sound;
    pixel_q <= sound ? s_axis_tdata[3*BITS-1:0] : '0;
  end

  //- What its cell has by then: n, and for each colour sum + n/2 --------------
  typedef struct packed {
    logic [1:0] n;
    two_t [2:0] sums;
  } pair_t;

  (* ram_style = "distributed" *)
  logic [$bits(pair_t)-1:0] upper_q [CELLS];  // of the upper row's pairs

  logic [1:0]  n_q;
  four_t [2:0] sums_q;

  wire pair_t  upper = upper_q[place_q];
  wire [1:0]   n_had = last_q ? n_q : below_q ? upper.n : 2'd0;
  wire [2:0]   n = 3'(n_had) + 3'(sound_q);
  wire         even = n_had[0] && sound_q;  // n is even now, and n/2 one more
  four_t [2:0] sums;
  pair_t       pair;
  logic        unused_bit;

  always_comb begin
    pair.n = n[1:0];
    for (int c = 0; c < 3; c++) begin
      automatic four_t had = last_q ? sums_q[c] : below_q ? four_t'(upper.sums[c]) : '0;
      {sums[c], unused_bit} = {2'b0, pixel_q[c], 1'b1} + {had, even};  // the lowest bits make the carry
      pair.sums[c] = two_t'(sums[c]);
    end
  end

  always_ff @(posedge ap_clk) begin
    if (there_q) begin
      n_q    <= n[1:0];
      sums_q <= sums;
    end
  end

  always_ff @(posedge ap_clk) begin
    if (there_q && last_q && !below_q) upper_q[place_q] <= pair;
  end

  //- The cell ----------------------------------------------------------------
  logic        summed_q, valid_q;
  logic [2:0]  count_q;  // of its sound pixels
  four_t [2:0] whole_q;  // their sums

  logic          broken_q;
  colour_t [2:0] colours_q;
  wire           sum_up = there_q && last_q && below_q;
  wire           load = !valid_q || m_axis_tready;

  assign m_axis_tvalid = valid_q;
  assign m_axis_tdata  = {{BITS{broken_q}}, colours_q};

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      summed_q <= 1'b0;
      valid_q  <= 1'b0;
    end else begin
      if (load || sum_up) summed_q <= sum_up;
      if (load)           valid_q  <= summed_q;
    end
  end

  always_ff @(posedge ap_clk) begin
    if (sum_up) begin
      count_q <= n;
      whole_q <= sums;
    end
  end

  always_ff @(posedge ap_clk) begin
    if (load) begin
      broken_q <= count_q == 3'd0;
      for (int c = 0; c < 3; c++) begin
        unique case (count_q[1:0])
          2'd1:    colours_q[c] <= colour_t'(whole_q[c]);
          2'd2:    colours_q[c] <= colour_t'(whole_q[c] >> 1);
          2'd3:    colours_q[c] <= by_3(whole_q[c]);
          default: colours_q[c] <= colour_t'(whole_q[c] >> 2);
        endcase
        if (count_q == 3'd0) colours_q[c] <= colour_t'(1) << (BITS - 1);
      end
    end
  end

endmodule

`default_nettype wire
