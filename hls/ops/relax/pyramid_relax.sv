// SPDX-License-Identifier: Apache-2.0
// One sweep over the broken pixels of an image, in place, towards the surface that bends least.
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
// column four pixels wait: the two rows that came before this one, and the two that left last.
// Latency 2*IMG_W + 3 steps, II 1. The output is registered.
// Not cut: m_axis_tready -> s_axis_tready.
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
  row_t    row_q;
  column_t column_q;

  logic valid_q;
  wire  load   = !valid_q || m_axis_tready;
  wire  taking = row_q < row_t'(IMG_H);
  wire  giving = row_q > row_t'(2) || (row_q == row_t'(2) && column_q >= column_t'(3));
  wire  step   = (!taking || s_axis_tvalid) && (!giving || load);

  wire row_end   = column_q == column_t'(IMG_W - 1);
  wire frame_end = row_q == row_t'(IMG_H + 2) && column_q == column_t'(2);

  assign s_axis_tready = taking && (!giving || load);

  wire column_t next_column = row_end || frame_end ? '0 : column_q + 1'b1;

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      row_q    <= '0;
      column_q <= '0;
    end else if (step) begin
      column_q <= next_column;
      if (frame_end)    row_q <= '0;
      else if (row_end) row_q <= row_q + 1'b1;
    end
  end

  //- The rows that wait ------------------------------------------------------
  // Read for the next step; a column is written when its pixel comes, and when that of two rows before leaves.
  pixel_t        below_q, here_q;        // rows row_q - 1 and row_q - 2, as they came
  colour_t [2:0] above_q, far_above_q;   // rows row_q - 3 and row_q - 4, as they leave
  pixel_t        entering;
  colour_t [2:0] leaving, passed;        // the pixel that leaves, and the one above it

  wire column_t leaving_column = column_q < column_t'(3) ? column_q + column_t'(IMG_W - 3) : column_q - column_t'(3);

  if (BLOCK_RAM) begin : gen_block
    (* ram_style = "block" *) logic [2*$bits(pixel_t)-1:0] came_q [PLACES];
    (* ram_style = "block" *) logic [6*BITS-1:0] left_q [PLACES];

    always_ff @(posedge ap_clk) begin
      if (step) begin
        {below_q, here_q}      <= came_q[next_column];
        {above_q, far_above_q} <= left_q[next_column];
        came_q[column_q]       <= {entering, below_q};
        left_q[leaving_column] <= {leaving, passed};
      end
    end
  end else begin : gen_luts
    (* ram_style = "distributed" *) logic [2*$bits(pixel_t)-1:0] came_q [PLACES];
    (* ram_style = "distributed" *) logic [6*BITS-1:0] left_q [PLACES];

    always_ff @(posedge ap_clk) begin
      if (step) begin
        {below_q, here_q}      <= came_q[next_column];
        {above_q, far_above_q} <= left_q[next_column];
        came_q[column_q]       <= {entering, below_q};
        left_q[leaving_column] <= {leaving, passed};
      end
    end
  end

  // Beyond the last row comes the last one again, and above the first one stands that itself.
  if (KEEP_FLAG) begin : gen_whole_flag
    wire pixel_t came = s_axis_tdata;
    assign entering = taking ? came : below_q;
  end else begin : gen_flag_bit
    wire [BITS-1:0] flag = s_axis_tdata[4*BITS-1 -: BITS];
    wire pixel_t came = {flag[BITS-1], s_axis_tdata[3*BITS-1:0]};
    assign entering = taking ? came : below_q;
    if (BITS > 1) begin : gen_unused
      wire [BITS-2:0] unused_low = flag[BITS-2:0];
    end
  end
  wire first_row = row_q == row_t'(2);
  wire colour_t [2:0] above     = first_row ? here_q.colours : above_q;
  wire colour_t [2:0] far_above = first_row ? here_q.colours : far_above_q;

  //- The sum, column by column -----------------------------------------------
  // A column comes, is the one to the right (1), the middle (2), and the one that leaves or is to the left (3).
  pixel_t        here_1_q, here_2_q, here_3_q;
  colour_t [2:0] above_1_q, above_2_q, above_3_q;
  colour_t [2:0] colours_q;  // that left last

  // of the middle column
  wire is_first  = column_q == column_t'(2);
  wire is_last   = column_q == column_t'(1);
  wire is_before = column_q == column_t'(0);
  wire is_second = column_q == column_t'(3);
  // of the one that leaves
  wire leaves_first  = column_q == column_t'(3);
  wire leaves_second = column_q == column_t'(4);
  wire broken = here_3_q.flag[FLAG_BITS-1];

  assign passed = above_3_q;

  always_ff @(posedge ap_clk) begin
    if (step) begin
      {here_1_q, here_2_q, here_3_q}    <= {here_q, here_1_q, here_2_q};
      {above_1_q, above_2_q, above_3_q} <= {above, above_1_q, above_2_q};
    end
  end

  for (genvar c = 0; c < 3; c++) begin : gen_colour
    typedef logic [BITS:0] two_t;
    two_t near_1_q, near_2_q, near_3_q;  // the pixels above and below
    two_t far_1_q, far_2_q;              // and those two rows away
    sum_t sum_q;                         // of all but the pixel to the left

    wire colour_t middle = here_2_q.colours[c];
    wire colour_t right  = is_last ? middle : here_1_q.colours[c];
    wire colour_t beyond = is_last || is_before ? right : here_q.colours[c];
    // to the left of the second column is what is not known yet
    wire colour_t far_left = is_first ? middle : is_second ? '0 : colours_q[c];
    wire two_t near_right = is_last ? near_2_q : near_1_q;
    wire two_t near_left  = is_first ? near_2_q : near_3_q;
    wire [BITS+1:0] corners = (BITS+2)'(near_left) + (BITS+2)'(near_right);
    wire [BITS+1:0] beside  = (BITS+2)'(near_2_q) + (BITS+2)'(right);
    wire [BITS+1:0] ends    = (BITS+2)'(far_2_q) + (BITS+2)'(beyond) + (BITS+2)'(far_left);

    wire colour_t left = leaves_first ? here_3_q.colours[c] : colours_q[c];
    wire colour_t second = leaves_second ? left : '0;  // which is two to the left too
    wire sum_t whole = sum_q + sum_t'({left, 3'b0}) - sum_t'(second);
    wire signed [BITS+1:0] sixteenth = (BITS+2)'(whole >>> 4);
    wire colour_t relaxed = sixteenth[BITS+1] ? '0 : sixteenth[BITS] ? '1 : sixteenth[BITS-1:0];

    assign leaving[c] = broken ? relaxed : here_3_q.colours[c];

    always_ff @(posedge ap_clk) begin
      if (step) begin
        near_1_q <= two_t'(above[c]) + two_t'(below_q.colours[c]);
        near_2_q <= near_1_q;
        near_3_q <= near_2_q;
        far_1_q  <= two_t'(far_above[c]) + two_t'(entering.colours[c]);
        far_2_q  <= far_1_q;
        sum_q    <= sum_t'({beside, 3'b0}) - sum_t'({corners, 1'b0}) - sum_t'(ends) - sum_t'({middle, 2'b0})
                    + sum_t'(8);
        if (giving) colours_q[c] <= leaving[c];
      end
    end
  end

  //- Output ------------------------------------------------------------------
  assign m_axis_tvalid = valid_q;

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n)           valid_q <= 1'b0;
    else if (step && giving) valid_q <= 1'b1;
    else if (m_axis_tready)  valid_q <= 1'b0;
  end

  if (KEEP_FLAG) begin : gen_flag
    logic [BITS-1:0] flag_q;
    always_ff @(posedge ap_clk) begin
      if (step && giving) flag_q <= here_3_q.flag;
    end
    assign m_axis_tdata = {flag_q, colours_q};
  end else begin : gen_no_flag
    assign m_axis_tdata = colours_q;
  end

endmodule

`default_nettype wire
