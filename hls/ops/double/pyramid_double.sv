// SPDX-License-Identifier: Apache-2.0
// Joins a level of a pyramid and the level above, half as wide and high, and fills broken pixels from it.
//
//   m = flag < 128 ? b : (3*V[near column] + V[far column] + 8) / 16      with flag the fourth byte of b
//   V[column] = 3*a[near row, column] + a[far row, column]
//
// where the near row of y is y/2, and the far one y/2 - 1 for an even y, y/2 + 1 for an odd one, kept within a;
// columns alike.
// A pixel is three bytes R, G, B, R in the low bits, and the flag, of which only b's top bit is looked at; a's
// is ignored. With KEEP_FLAG the output has b's flag.
//
// Four rows of a are held: row r in memory r%2, place (r/2)%2 of it, so that both rows of an output row are read at
// once. a is taken, whole rows in order, up to the fourth row from the upper one that the output needs; b,
// once the lower one is complete. When b's last pixel is taken a frame is over, and a's next begins.
//
// b's pixel goes through four steps: (1) with it both cells of its column are read, (2) they make V, (3) V of both
// columns are added, (4) the near one twice more. A step that is empty or being emptied takes the pixel before it.
// What the steps need of the pixel's place - addresses, borders - is in registers when it comes.
// Latency 4 from b, II 1 while a's rows are there. The output is registered.
// Cut: a from b and from the output. Not cut: m_axis_tready -> s_axis_b_tready.
`default_nettype none

module pyramid_double #(
  parameter int unsigned IMG_H = 2,      // rows and columns of b and of the output
  parameter int unsigned IMG_W = 2,
  parameter bit          KEEP_FLAG = 0,
  parameter int unsigned BITS = 8        // of a colour, and of the flag; fewer in proofs only
) (
  input  wire                 ap_clk,
  input  wire                 ap_rst_n,

  input  wire [4*BITS-1:0]    s_axis_a_tdata,
  input  wire                 s_axis_a_tvalid,
  output wire                 s_axis_a_tready,

  input  wire [4*BITS-1:0]    s_axis_b_tdata,
  input  wire                 s_axis_b_tvalid,
  output wire                 s_axis_b_tready,

  output wire [(KEEP_FLAG ? 4 : 3)*BITS-1:0] m_axis_tdata,
  output wire                 m_axis_tvalid,
  input  wire                 m_axis_tready
);

  if (IMG_H < 2 || IMG_H % 2 != 0) begin : gen_height_check
    $fatal(1, "pyramid_double: IMG_H must be even and 2 or more, got %0d", IMG_H);
  end
  if (IMG_W < 2 || IMG_W % 2 != 0) begin : gen_width_check
    $fatal(1, "pyramid_double: IMG_W must be even and 2 or more, got %0d", IMG_W);
  end
  if (BITS < 1 || BITS > 8) begin : gen_bits_check
    $fatal(1, "pyramid_double: BITS must be 1 to 8, got %0d", BITS);
  end

  localparam int unsigned ROWS = IMG_H / 2;   // of a
  localparam int unsigned CELLS = IMG_W / 2;  // of a row of a

  typedef logic [(ROWS > 4 ? $clog2(ROWS) : 2)-1:0] row_t;
  typedef logic [(CELLS > 1 ? $clog2(CELLS) : 1)-1:0] cell_t;
  typedef logic [BITS-1:0] colour_t;
  typedef logic [BITS+1:0] four_t;  // sum of four colours
  typedef logic [BITS+2:0] eight_t;
  typedef logic [BITS+3:0] sixteen_t;

  //- Where b's next pixel is -------------------------------------------------
  logic  right_q;  // odd column
  logic  lower_q;  // odd row
  logic  first_q;  // first column
  logic  last_q;   // last cell of the row
  logic  end_q;    // last column
  logic  edge_q;   // first or last row, of which a has no far row
  logic  odd_q;    // the cell's row in a is odd
  cell_t read_q;   // cell to read: the pixel's own of an even column, the next one of an odd column

  // Of a, rows of this frame from the upper one that the output needs: at least one, two, three, four.
  logic [3:0] held_q;
  logic       all_q;  // none is to come

  wire take       = s_axis_b_tvalid && s_axis_b_tready;
  wire rows_there = held_q[1] || (held_q[0] && edge_q);
  wire row_end    = take && end_q;
  wire frame_end  = row_end && edge_q && lower_q;
  wire row_free   = row_end && edge_q == lower_q;  // the upper row of a is not needed any more

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      right_q <= 1'b0;
      first_q <= 1'b1;
      last_q  <= CELLS == 1;
      end_q   <= 1'b0;
      read_q  <= '0;
    end else if (take) begin
      right_q <= !right_q;
      first_q <= end_q;
      end_q   <= last_q && !right_q;
      if (right_q)                   last_q <= end_q ? CELLS == 1 : read_q == cell_t'(CELLS - 1);
      if (end_q)                     read_q <= '0;
      else if (!right_q && !last_q)  read_q <= read_q + 1'b1;
    end
  end

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      lower_q <= 1'b0;
      edge_q  <= 1'b1;
      odd_q   <= 1'b0;
    end else if (row_end) begin
      lower_q <= !lower_q;
      // The last row comes behind the one with the last two of a.
      edge_q  <= lower_q ? edge_q : edge_q ? ROWS == 1 : all_q && !held_q[2];
      odd_q   <= !(lower_q && edge_q) && odd_q != lower_q;
    end
  end

  //- Loading a ---------------------------------------------------------------
  row_t  rows_q;  // row of the next cell, 0 behind the last
  cell_t load_q;  // its column

  wire fill      = s_axis_a_tvalid && s_axis_a_tready;
  wire fill_end  = fill && load_q == cell_t'(CELLS - 1);
  wire fill_last = fill_end && rows_q == row_t'(ROWS - 1);
  wire [BITS-1:0] unused_flag = s_axis_a_tdata[4*BITS-1 -: BITS];

  assign s_axis_a_tready = !all_q && !held_q[3];

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      rows_q <= '0;
      load_q <= '0;
      held_q <= '0;
      all_q  <= 1'b0;
    end else begin
      if (fill)     load_q <= fill_end ? '0 : load_q + 1'b1;
      if (fill_end) rows_q <= fill_last ? '0 : rows_q + 1'b1;
      // A frame ends with all of its rows loaded, and one held.
      all_q <= fill_last || (all_q && !frame_end);
      if (fill_end && !row_free)      held_q <= {held_q[2:0], 1'b1};
      else if (row_free && !fill_end) held_q <= {1'b0, held_q[3:1]};
    end
  end

  //- Four steps --------------------------------------------------------------
  logic [3:0] there_q;  // a pixel, in the registers at a step's end
  logic [3:0] full_q;   // there, and in all steps behind it

  // The registers are empty or being emptied: full_q[k] is low, or m_axis_tready high. With there_q it is a net of its
  // own, with all its loads, that the ready of b doesn't share.
  wire [3:0] load = ~there_q | {1'b0, ~full_q[3:1]} | {4{m_axis_tready}};

  assign s_axis_b_tready = rows_there && (!full_q[0] || m_axis_tready);

  wire [3:0] there = ~load | {there_q[2:0], take};
  wire [3:0] full = {there[3], &there[3:2], &there[3:1], &there};

  always_ff @(posedge ap_clk) begin
    there_q <= ap_rst_n ? there : '0;
    full_q  <= ap_rst_n ? full : '0;
  end

  assign m_axis_tvalid = there_q[3];

  logic [4*BITS-1:0] b1_q, b2_q, b3_q;  // the pixel
  logic right1_q, right2_q;
  logic first1_q, first2_q;
  logic odd1_q, edge1_q;
  wire  broken2 = b2_q[4*BITS-1];
  wire  broken3 = b3_q[4*BITS-1];

  always_ff @(posedge ap_clk) begin
    if (load[0]) {b1_q, right1_q, first1_q, odd1_q, edge1_q} <= {s_axis_b_tdata, right_q, first_q, odd_q, edge_q};
    if (load[1]) {b2_q, right2_q, first2_q} <= {b1_q, right1_q, first1_q};
    if (load[2]) b3_q <= b2_q;
  end

  //- 1: the cells of its column, of an even and an odd row -------------------
  colour_t [2:0] above_q [2];

  for (genvar odd = 0; odd < 2; odd++) begin : gen_memory
    (* ram_style = "distributed" *)
    logic [3*BITS-1:0] cells_q [2 << $bits(cell_t)];
    logic second_q;  // which of the memory's rows

    always_ff @(posedge ap_clk) begin
      if (!ap_rst_n || frame_end)            second_q <= 1'b0;
      else if (row_free && odd_q != 1'(odd)) second_q <= !second_q;
    end

    always_ff @(posedge ap_clk) begin
      if (load[0]) above_q[odd] <= cells_q[{second_q, read_q}];
    end

    always_ff @(posedge ap_clk) begin
      if (fill && rows_q[0] == 1'(odd)) cells_q[{rows_q[1], load_q}] <= s_axis_a_tdata[3*BITS-1:0];
    end
  end

  wire colour_t [2:0] near_row = above_q[odd1_q];
  wire colour_t [2:0] far_row  = edge1_q ? near_row : above_q[!odd1_q];

  colour_t [2:0] colours_q;

  for (genvar c = 0; c < 3; c++) begin : gen_colour
    //- 2: down the column, and 2, which makes the 8 of the whole sum ---------
    wire [BITS:0]   both = {1'b0, near_row[c]} + (BITS+1)'(far_row[c]);
    four_t down, down_q;
    wire   unused_bit;
    assign {down[BITS+1:1], unused_bit} = {1'b0, both[BITS:1], 1'b1} + {1'b0, near_row[c], 1'b1};  // makes a carry
    assign down[0] = both[0];

    //- 3, 4: along the row ---------------------------------------------------
    four_t    near_q;  // of the pixel's own cell or, in step 3, of the one before
    eight_t   sum_q;   // near and far; 0 of a sound pixel
    colour_t  filled;
    wire [3:0] unused_parts;
    wire sixteen_t rest = broken3 ? sixteen_t'({near_q, 1'b0}) : {b3_q[BITS*c +: BITS], 4'd0};
    assign {filled, unused_parts} = {1'b0, sum_q} + rest;

    always_ff @(posedge ap_clk) begin
      if (load[1]) down_q <= down;
      if (load[2] && there_q[1] && !right2_q) near_q <= down_q;
      if (load[2]) sum_q <= broken2 ? {1'b0, down_q} + {1'b0, first2_q ? down_q : near_q} : '0;
      if (load[3]) colours_q[c] <= filled;
    end
  end

  //- Output ------------------------------------------------------------------
  if (KEEP_FLAG) begin : gen_flag
    logic [BITS-1:0] flag_q;
    always_ff @(posedge ap_clk) begin
      if (load[3]) flag_q <= b3_q[4*BITS-1 -: BITS];
    end
    assign m_axis_tdata = {flag_q, colours_q};
  end else begin : gen_no_flag
    wire [BITS-1:0] unused_low = s_axis_b_tdata[4*BITS-1 -: BITS];
    assign m_axis_tdata = colours_q;
  end

endmodule

`default_nettype wire
