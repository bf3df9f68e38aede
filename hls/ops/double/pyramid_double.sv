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
// Latency 1 from b, II 1 while a's rows are there. The output is registered.
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

  typedef logic [$clog2(ROWS+4)-1:0] row_t;   // to four beyond the last
  typedef logic [(CELLS > 1 ? $clog2(CELLS) : 1)-1:0] cell_t;
  typedef logic [$clog2(IMG_W)-1:0] place_t;  // in a memory
  typedef logic [BITS-1:0] colour_t;
  typedef logic [BITS+1:0] four_t;            // sum of four colours
  typedef logic [BITS+3:0] sixteen_t;

  // Two rows in a memory.
  function automatic place_t place(input logic second, input cell_t column);
    place = (second ? place_t'(CELLS) : '0) + place_t'(column);
  endfunction

  //- Where b's pixel is, from the cell that it lies in -----------------------
  row_t  row_q;
  cell_t cell_q;
  logic  lower_q;  // odd row
  logic  right_q;  // odd column

  logic  valid_q;
  wire   load = !valid_q || m_axis_tready;
  wire   take = s_axis_b_tvalid && s_axis_b_tready;

  wire   row_end   = right_q && cell_q == cell_t'(CELLS - 1);
  wire   frame_end = row_end && lower_q && row_q == row_t'(ROWS - 1);

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      row_q   <= '0;
      cell_q  <= '0;
      lower_q <= 1'b0;
      right_q <= 1'b0;
    end else if (take) begin
      right_q <= !right_q;
      if (right_q)            cell_q  <= row_end ? '0 : cell_q + 1'b1;
      if (row_end)            lower_q <= !lower_q;
      if (row_end && lower_q) row_q   <= frame_end ? '0 : row_q + 1'b1;
    end
  end

  // Of the two rows of a, the nearer one is the cell's own.
  wire       at_edge = lower_q ? row_q == row_t'(ROWS - 1) : row_q == '0;
  wire row_t next    = lower_q ? row_q + 1'b1 : row_q - 1'b1;
  wire row_t far     = at_edge ? row_q : next;
  wire row_t first   = lower_q ? row_q : far;
  wire row_t last    = lower_q ? far : row_q;

  //- Loading a ---------------------------------------------------------------
  row_t  rows_q;  // complete rows of this frame
  cell_t load_q;  // cell of the next one

  wire   fill     = s_axis_a_tvalid && s_axis_a_tready;
  wire   fill_end = load_q == cell_t'(CELLS - 1);
  wire   rows_there = rows_q > last;
  wire [BITS-1:0] unused_flag = s_axis_a_tdata[4*BITS-1 -: BITS];

  assign s_axis_a_tready = rows_q != row_t'(ROWS) && rows_q < first + row_t'(4);
  assign s_axis_b_tready = load && rows_there;

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      rows_q <= '0;
      load_q <= '0;
    end else begin
      if (fill) load_q <= fill_end ? '0 : load_q + 1'b1;
      // The two never meet: a frame ends with all of its rows loaded.
      if (take && frame_end)     rows_q <= '0;
      else if (fill && fill_end) rows_q <= rows_q + 1'b1;
    end
  end

  wire cell_t read = right_q && !row_end ? cell_q + 1'b1 : cell_q;
  colour_t [2:0] above [2];  // this column of the even row, and of the odd one

  for (genvar odd = 0; odd < 2; odd++) begin : gen_memory
    (* ram_style = "distributed" *)
    logic [3*BITS-1:0] cells_q [2*CELLS];
    wire second = row_q[0] == 1'(odd) ? row_q[1] : far[1];

    assign above[odd] = cells_q[place(second, read)];

    always_ff @(posedge ap_clk) begin
      if (fill && rows_q[0] == 1'(odd)) cells_q[place(rows_q[1], load_q)] <= s_axis_a_tdata[3*BITS-1:0];
    end
  end

  //- Down the column, then along the row -------------------------------------
  wire colour_t [2:0] near_row = above[row_q[0]];
  wire colour_t [2:0] far_row  = above[far[0]];
  wire                broken = s_axis_b_tdata[4*BITS-1];
  colour_t [2:0]      colours_q;

  for (genvar c = 0; c < 3; c++) begin : gen_colour
    four_t left_q;  // of the last even column's cell
    wire four_t down = four_t'(near_row[c]) + {1'b0, near_row[c], 1'b0} + four_t'(far_row[c]);
    wire four_t near_cell = right_q ? left_q : down;
    wire four_t far_cell  = right_q || cell_q == '0 ? down : left_q;
    wire sixteen_t sum = sixteen_t'(near_cell) + {1'b0, near_cell, 1'b0} + sixteen_t'(far_cell) + sixteen_t'(8);

    always_ff @(posedge ap_clk) begin
      if (take && !right_q) left_q <= down;
      if (load) colours_q[c] <= broken ? colour_t'(sum >> 4) : s_axis_b_tdata[BITS*c +: BITS];
    end
  end

  //- Output ------------------------------------------------------------------
  assign m_axis_tvalid = valid_q;

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) valid_q <= 1'b0;
    else if (load) valid_q <= s_axis_b_tvalid && rows_there;
  end

  if (KEEP_FLAG) begin : gen_flag
    logic [BITS-1:0] flag_q;
    always_ff @(posedge ap_clk) begin
      if (load) flag_q <= s_axis_b_tdata[4*BITS-1 -: BITS];
    end
    assign m_axis_tdata = {flag_q, colours_q};
  end else begin : gen_no_flag
    wire [BITS-1:0] unused_low = s_axis_b_tdata[4*BITS-1 -: BITS];
    assign m_axis_tdata = colours_q;
  end

endmodule

`default_nettype wire
