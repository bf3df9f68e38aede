// SPDX-License-Identifier: Apache-2.0
// One sweep over the broken pixels of an image, in place, towards the solution of the biharmonic equation.
//
//   m[y, x] = flag < 128 ? o[y, x] : (8*(N+W+E+S) - 2*(NW+NE+SW+SE) - (NN+WW+EE+SS) - 4*o[y, x] + 8) / 16
//
// rounded down and kept within a colour; o is the pixel as it came, the neighbours above and to the left are
// those of m, the others as they came. A row beyond the image is its first or last one as it came, a column
// beyond it the row's border pixel as that is by then.
// A pixel is three bytes R, G, B, R in the low bits, and the flag, of which only the top bit is looked at. With
// KEEP_FLAG the output has it.
//
// A frame has IMG_H + 2 rows of IMG_W steps, and three more: in the first IMG_H rows a step takes a pixel, and
// from the fourth step of the third row on it gives one, that of two rows and three columns before. Of every
// column four pixels wait: the two rows that came before this one, and the two that left last. They are read two
// steps before their column's, so that a sum has a step for each addition.
// Latency 2*IMG_W + 3 steps, II 1. The output is registered.
// Not cut: m_axis_tready -> s_axis_tready, a LUT with three registers. The longest way within is the pixel to the
// left: its 8-fold and the one two to the left are added to the sum, and the limits chosen, in one step.
`default_nettype none

module pyramid_relax #(
  parameter int unsigned IMG_H = 1,      // rows and columns
  parameter int unsigned IMG_W = 6,
  parameter bit          KEEP_FLAG = 0,
  parameter bit          BLOCK_RAM = 0,  // where the rows wait, instead of in LUTs
  parameter int unsigned BITS = 8        // of a colour, and of the flag; fewer in proofs only
) (
  input  wire                 ap_clk,
  input  wire                 ap_rst_n,

  input  wire [4*BITS-1:0]    s_axis_tdata,
  input  wire                 s_axis_tvalid,
  output wire                 s_axis_tready,

  output wire [(KEEP_FLAG ? 4 : 3)*BITS-1:0] m_axis_tdata,
  output wire                 m_axis_tvalid,
  input  wire                 m_axis_tready
);

  if (IMG_H < 1) begin : gen_height_check
    $fatal(1, "pyramid_relax: IMG_H must be 1 or more, got %0d", IMG_H);
  end
  if (IMG_W < 6) begin : gen_width_check
    $fatal(1, "pyramid_relax: IMG_W must be 6 or more, got %0d", IMG_W);
  end
  if (BITS < 1 || BITS > 8) begin : gen_bits_check
    $fatal(1, "pyramid_relax: BITS must be 1 to 8, got %0d", BITS);
  end

  localparam int unsigned PLACES = 1 << $clog2(IMG_W);   // of a memory; all that an address can be
  localparam int unsigned BACK = IMG_W > 6 ? 4 : 3;      // columns back to the one that is written when it has left
  localparam int unsigned FLAG_BITS = KEEP_FLAG ? BITS : 1;  // that are kept

  typedef logic [$clog2(IMG_H+3)-1:0] row_t;
  typedef logic [$clog2(IMG_W)-1:0] column_t;
  typedef logic [BITS-1:0] colour_t;
  typedef struct packed {
    logic [FLAG_BITS-1:0] flag;  // the top bit says broken
    colour_t [2:0]        colours;
  } pixel_t;
  typedef logic signed [BITS+5:0] sum_t;  // of sixteen colours, either sign

  //- Steps -------------------------------------------------------------------
  // The counters are two steps ahead of the step that is taken; what it depends on is known from them and moves along.
  row_t        row_q;
  column_t     read_q;                            // of the step after the next one
  column_t     next_q, column_q;                  // of the next one, and of this one
  logic [3:-2] at_q;                              // at_q[n]: column_q is n; -1 is the last column, -2 the last but one
  logic        row_1_q, row_2_q;                  // the next step is in row 1; in row 2, in which the first row leaves
  logic        taking_next_q, taking_q, giving_q;
  logic        end_next_q, end_q;                 // the frame's last step

  logic valid_q;
  wire  load  = !valid_q || m_axis_tready;
  wire  fresh = !taking_q || s_axis_tvalid;
  wire  take  = s_axis_tvalid && s_axis_tready;
  wire  step  = fresh && (!giving_q || load);

  wire row_end   = read_q == column_t'(IMG_W - 1);
  wire frame_end = row_q == row_t'(IMG_H + 2) && at_q[0];

  assign s_axis_tready = taking_q && (!giving_q || load);

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      row_q               <= '0;
      read_q              <= column_t'(2);
      next_q              <= column_t'(1);
      column_q            <= '0;
      at_q                <= 6'b000100;
      {row_1_q, row_2_q}  <= '0;
      taking_next_q       <= 1'b1;
      taking_q            <= 1'b1;
      giving_q            <= 1'b0;
      {end_next_q, end_q} <= '0;
    end else if (step) begin
      if (frame_end)    row_q <= '0;
      else if (row_end) row_q <= row_q + 1'b1;
      read_q              <= row_end || frame_end ? '0 : read_q + 1'b1;
      {next_q, column_q}  <= {read_q, next_q};
      at_q                <= {at_q[2:-2], row_end || frame_end};
      row_1_q             <= row_q == row_t'(1);
      row_2_q             <= row_q == row_t'(2);
      taking_next_q       <= row_q < row_t'(IMG_H);
      taking_q            <= taking_next_q;
      giving_q            <= giving_q ? !end_q : row_2_q && at_q[2];
      {end_next_q, end_q} <= {frame_end, end_next_q};
    end
  end

  //- The rows that wait ------------------------------------------------------
  // A column is read two steps before its own. In its own it is written again, each pixel a row further away, with the
  // one that comes; the one that leaves is written when it does. Where no row comes any more, the last one stays.
  pixel_t        below_q, here_q;       // rows -1 and -2 of the next step's column, as they came
  colour_t [2:0] above_q, far_above_q;  // rows -3 and -4, as they leave
  pixel_t        came, below_0_q;
  colour_t [2:0] above_0_q, far_above_0_q;
  colour_t [2:0] leaving, colours_q;    // the pixel that leaves, and the one that left last
  column_t [BACK:1] back_q;             // columns of the steps before

  // Written a step later, for the way to a memory. In rows of six that would be too late.
  wire colour_t [2:0] gone = BACK == 4 ? colours_q : leaving;

  if (BLOCK_RAM) begin : gen_block
    (* ram_style = "block" *) pixel_t came_q [PLACES];
    (* ram_style = "block" *) logic [$bits(pixel_t)+3*BITS-1:0] moved_q [PLACES];
    (* ram_style = "block" *) colour_t [2:0] gone_q [PLACES];

    always_ff @(posedge ap_clk) begin
      if (step) begin
        below_q               <= came_q[read_q];
        {here_q, far_above_q} <= moved_q[read_q];
        above_q               <= gone_q[read_q];
        moved_q[column_q]     <= {below_0_q, above_0_q};
        gone_q[back_q[BACK]]  <= gone;
      end
      if (take) came_q[column_q] <= came;
    end
  end else begin : gen_luts
    (* ram_style = "distributed" *) pixel_t came_q [PLACES];
    (* ram_style = "distributed" *) logic [$bits(pixel_t)+3*BITS-1:0] moved_q [PLACES];
    (* ram_style = "distributed" *) colour_t [2:0] gone_q [PLACES];

    always_ff @(posedge ap_clk) begin
      if (step) begin
        below_q               <= came_q[read_q];
        {here_q, far_above_q} <= moved_q[read_q];
        above_q               <= gone_q[read_q];
        moved_q[column_q]     <= {below_0_q, above_0_q};
        gone_q[back_q[BACK]]  <= gone;
      end
      if (take) came_q[column_q] <= came;
    end
  end

  if (KEEP_FLAG) begin : gen_whole_flag
    assign came = s_axis_tdata;
  end else begin : gen_flag_bit
    wire [BITS-1:0] flag = s_axis_tdata[4*BITS-1 -: BITS];
    assign came = {flag[BITS-1], s_axis_tdata[3*BITS-1:0]};
    if (BITS > 1) begin : gen_unused
      wire [BITS-2:0] unused_low = flag[BITS-2:0];
    end
  end

  //- The sum, column by column -----------------------------------------------
  // A column comes (0), is the middle (1), waits for what is two to the right (2), and leaves or is to the left (3).
  pixel_t here_0_q, here_1_q, here_2_q, here_3_q;
  wire    broken = here_3_q.flag[FLAG_BITS-1];

  // Above the first row stands that itself: in place of the pixel above where it is read, in row 2; of the one two
  // above where it is written, in row 1.
  wire colour_t [2:0] above_first = row_2_q ? here_q.colours : above_q;

  always_ff @(posedge ap_clk) begin
    if (step) begin
      {here_0_q, here_1_q, here_2_q, here_3_q} <= {here_q, here_0_q, here_1_q, here_2_q};
      back_q        <= {back_q[BACK-1:1], column_q};
      below_0_q     <= below_q;
      above_0_q     <= row_1_q ? below_q.colours : above_first;
      far_above_0_q <= far_above_q;
    end
  end

  for (genvar c = 0; c < 3; c++) begin : gen_colour
    typedef logic [BITS:0] two_t;
    typedef logic signed [BITS+3:0] signed_t;
    two_t    near_0_q, near_1_q;         // the pixels above and below
    two_t    far_q;                      // and those two rows away, of column 1
    signed_t beside_q, around_q;         // of 1, 4 * near - near of the left + 3; of 2, less near of the right
    logic signed [BITS+2:0] along_q;     // of 2, 2 * right - middle, or, in the first column, + middle
    logic        [BITS+1:0] ends_q;      // of 2, far and two to the right
    sum_t    sum_q;                      // of 3, all but what is to the left, + 9

    // Below the last row comes that again.
    wire colour_t entering = taking_q ? came.colours[c] : below_0_q.colours[c];

    wire two_t    near_left  = at_q[0] ? near_0_q : near_1_q;
    wire two_t    near_right = at_q[0] ? near_1_q : near_0_q;
    wire colour_t middle     = here_1_q.colours[c];
    wire colour_t right      = at_q[0] ? middle : here_0_q.colours[c];
    wire colour_t beyond     = at_q[0] ? middle : at_q[-1] ? here_0_q.colours[c] : here_q.colours[c];
    wire          minus      = !at_q[1];
    wire [BITS+2:0] own      = (BITS+3)'(middle) ^ {BITS+3{minus}};

    // Left of the first column stands that itself, 8 - 1 times: 8 in `along_q`, here -1. Two to the left of the second
    // column stands the first.
    colour_t left_q, first_left_q, far_left_q;
    wire colour_t far_left = far_left_q | first_left_q;
    wire sum_t whole = sum_q + sum_t'({left_q, 3'b0}) + ~sum_t'(far_left);  // + 8 now
    wire signed [BITS+1:0] sixteenth = (BITS+2)'(whole >>> 4);
    wire colour_t relaxed = sixteenth[BITS+1] ? '0 : sixteenth[BITS] ? '1 : sixteenth[BITS-1:0];

    assign leaving[c] = broken ? relaxed : here_3_q.colours[c];

    always_ff @(posedge ap_clk) begin
      if (step) begin
        near_0_q     <= two_t'(below_q.colours[c]) + two_t'(above_first[c]);
        near_1_q     <= near_0_q;
        far_q        <= two_t'(far_above_0_q[c]) + two_t'(entering);
        beside_q     <= signed_t'({near_0_q, 2'b11}) - signed_t'(near_left);
        around_q     <= beside_q - signed_t'(near_right);
        along_q      <= {2'b0, right, minus} + own;
        ends_q       <= (BITS+2)'(far_q) + (BITS+2)'(beyond);
        sum_q        <= sum_t'(signed'({around_q, 1'b1})) + sum_t'(signed'({along_q, 2'b11})) + ~sum_t'(ends_q);
        far_left_q   <= at_q[2] ? here_2_q.colours[c] : left_q;
        left_q       <= at_q[2] ? '0 : leaving[c];
        first_left_q <= at_q[3] ? leaving[c] : '0;
        if (giving_q) colours_q[c] <= leaving[c];
      end
    end
  end

  //- Output ------------------------------------------------------------------
  assign m_axis_tvalid = valid_q;

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) valid_q <= 1'b0;
    else           valid_q <= (giving_q && fresh) || (valid_q && !m_axis_tready);
  end

  if (KEEP_FLAG) begin : gen_flag
    logic [BITS-1:0] flag_q;
    always_ff @(posedge ap_clk) begin
      if (step && giving_q) flag_q <= here_3_q.flag;
    end
    assign m_axis_tdata = {flag_q, colours_q};
  end else begin : gen_no_flag
    assign m_axis_tdata = colours_q;
  end

endmodule

`default_nettype wire
