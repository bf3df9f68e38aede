// SPDX-License-Identifier: Apache-2.0
// pyramid_relax: each pixel of an output frame is the one that came in its place or, where that is broken, the
// weighted sum that the formula says, of seven pixels as they came and six as they left,
//   (8*(N+W+E+S) - 2*(NW+NE+SW+SE) - (NN+WW+EE+SS) - 4*o + 8) / 16    within a colour
// frame after frame. When a pixel appears at the output, all of its neighbours have come or left, and nothing of the
// next frame has come. As each pixel that leaves is counted, none is lost, doubled or moved. Pixels are taken and given
// exactly when the operator's README.md says so, which the timing model rests on.
`default_nettype none

module pyramid_relax_proof #(
  parameter int unsigned IMG_H = 1,
  parameter int unsigned IMG_W = 6,
  parameter bit          KEEP_FLAG = 0,
  parameter bit          BLOCK_RAM = 0,
  parameter int unsigned BITS = 1,
  parameter bit          INVARIANTS = 1  // 0: the contract alone
) (
  input wire              clk,
  input wire              reset_n,
  input wire              offer, accept,
  input wire [4*BITS-1:0] beat
);

  localparam int unsigned PIXELS = IMG_H * IMG_W;
  localparam int unsigned LAG = 2 * IMG_W + 3;
  localparam int unsigned STEPS = PIXELS + LAG;
  localparam int unsigned OUT = (KEEP_FLAG ? 4 : 3) * BITS;

  wire rst_n;
  first_reset i_reset (.clk, .reset_n, .rst_n);

  wire [4*BITS-1:0] x;
  wire [OUT-1:0]    y;
  wire              x_valid, x_ready, valid;

  stream_source #(.WIDTH(4*BITS)) i_source (
    .clk, .rst_n, .offer, .beat, .valid(x_valid), .ready(x_ready), .data(x)
  );

  pyramid_relax #(
    .IMG_H(IMG_H), .IMG_W(IMG_W), .KEEP_FLAG(KEEP_FLAG), .BLOCK_RAM(BLOCK_RAM), .BITS(BITS)
  ) dut (
    .ap_clk(clk), .ap_rst_n(rst_n),
    .s_axis_tdata(x), .s_axis_tvalid(x_valid), .s_axis_tready(x_ready),
    .m_axis_tdata(y), .m_axis_tvalid(valid), .m_axis_tready(accept)
  );

  //- The frame, as it has come and as it has left ----------------------------
  wire [$clog2(PIXELS+1)-1:0] x_place, y_place;
  wire x_end, y_end;
  wire take = x_valid && x_ready;
  wire give = valid && accept;
  modulo #(.PERIOD(PIXELS)) i_x (.clk, .rst_n, .step(take), .last(x_end), .count(x_place));
  modulo #(.PERIOD(PIXELS)) i_y (.clk, .rst_n, .step(give), .last(y_end), .count(y_place));

  // A pixel that was not at the output a cycle ago.
  logic waited_q;
  always_ff @(posedge clk) waited_q <= rst_n && valid && !accept;
  wire fresh = valid && !waited_q;

  // Frames that have come in whole, less those that have appeared at the output in whole.
  logic signed [2:0] lead_q;
  always_ff @(posedge clk) begin
    if (!rst_n) lead_q <= '0;
    else lead_q <= lead_q + 3'(take && x_end) - 3'(fresh && y_end);
  end

  typedef logic [BITS-1:0] colour_t;
  logic [PIXELS-1:0][3:0][BITS-1:0] came_q;          // the flag last
  logic [PIXELS-1:0][2:0][BITS-1:0] left_q;
  wire  [PIXELS-1:0][2:0][BITS-1:0] left;            // with the pixel that has just appeared
  for (genvar p = 0; p < PIXELS; p++) begin : gen_frame
    always_ff @(posedge clk) begin
      if (take && 32'(x_place) == p) came_q[p] <= x;
      left_q[p] <= left[p];
    end
    assign left[p] = fresh && 32'(y_place) == p ? y[3*BITS-1:0] : left_q[p];
  end

  //- What is to leave --------------------------------------------------------
  // A row beyond the frame is its first or last one as it came, a column beyond it the row's border pixel.
  function automatic int unsigned at(input int row, input int column);
    automatic int r = row < 0 ? 0 : row >= int'(IMG_H) ? int'(IMG_H) - 1 : row;
    automatic int c = column < 0 ? 0 : column >= int'(IMG_W) ? int'(IMG_W) - 1 : column;
    return r * IMG_W + c;
  endfunction

  wire [PIXELS-1:0][4*BITS-1:0] word;
  for (genvar p = 0; p < PIXELS; p++) begin : gen_word
    localparam int R = p / IMG_W;
    localparam int C = p % IMG_W;
    assign word[p][3*BITS +: BITS] = came_q[p][3];
    for (genvar c = 0; c < 3; c++) begin : gen_colour
      typedef logic signed [BITS+7:0] sum_t;
      wire colour_t o  = came_q[p][c];
      wire colour_t e  = came_q[at(R, C + 1)][c];
      wire colour_t ee = came_q[at(R, C + 2)][c];
      wire colour_t s  = came_q[at(R + 1, C)][c];
      wire colour_t sw = came_q[at(R + 1, C - 1)][c];
      wire colour_t se = came_q[at(R + 1, C + 1)][c];
      wire colour_t ss = came_q[at(R + 2, C)][c];
      wire colour_t w  = C == 0 ? o : left[at(R, C - 1)][c];
      wire colour_t ww = C == 0 ? o : left[at(R, C - 2)][c];
      wire colour_t n  = R == 0 ? o : left[at(R - 1, C)][c];
      wire colour_t nw = R == 0 ? came_q[at(0, C - 1)][c] : left[at(R - 1, C - 1)][c];
      wire colour_t ne = R == 0 ? came_q[at(0, C + 1)][c] : left[at(R - 1, C + 1)][c];
      wire colour_t nn = R <= 1 ? came_q[at(0, C)][c] : left[at(R - 2, C)][c];
      wire sum_t sum = 8 * (sum_t'(n) + sum_t'(w) + sum_t'(e) + sum_t'(s))
                     - 2 * (sum_t'(nw) + sum_t'(ne) + sum_t'(sw) + sum_t'(se))
                     - (sum_t'(nn) + sum_t'(ww) + sum_t'(ee) + sum_t'(ss)) - 4 * sum_t'(o) + 8;
      wire sum_t moved = sum >>> 4;
      assign word[p][BITS*c +: BITS] = !came_q[p][3][BITS-1] ? o
                                     : moved < 0 ? '0 : moved >= (1 << BITS) ? '1 : BITS'(moved);
    end
  end

  stream_holds #(.WIDTH(OUT)) i_holds (.clk, .rst_n, .valid, .ready(accept), .data(y));

  // Pixels of the frame that have come, and that have appeared at the output.
  wire [31:0] came_count = 32'(x_place) + (lead_q > 0 ? PIXELS : 0);
  wire [31:0] left_count = 32'(y_place) + 32'(valid);
  wire [4*BITS-1:0] expected = word[y_place];
  always_comb begin
    if (rst_n) begin
      if (fresh) as_the_formula_says: assert (y == expected[OUT-1:0]);
      if (fresh) in_time: assert (came_count == (left_count + LAG < PIXELS ? left_count + LAG : PIXELS));
      one_frame_ahead: assert (lead_q == 0 || lead_q == 1);
    end
  end

  // It never waits for itself.
  soon #(.LIMIT(LAG)) i_gives (.clk, .rst_n, .idle(lead_q > 0 && !valid));
  soon #(.LIMIT(LAG)) i_takes (.clk, .rst_n, .idle(!x_ready && !(valid && !accept)));

  //- What makes the proof inductive ------------------------------------------
  // The module's counters as functions of the step, counted here; what its registers and memories hold of the rows
  // from which something is still to be made, as functions of the frame.
  localparam int unsigned PIXEL = 3 * BITS + (KEEP_FLAG ? BITS : 1);  // bits that are kept of one

  typedef logic [7:0] step_t;
  step_t step_q;
  always_ff @(posedge clk) begin
    if (!rst_n)        step_q <= '0;
    else if (dut.step) step_q <= step_q == step_t'(STEPS - 1) ? '0 : step_q + 1'b1;
  end

  // Of each step its row and column, and what the column that comes in it is made into. Of two rows before comes the
  // pixel in the middle, of which `here` and what follows is.
  wire [STEPS-1:0][7:0]      row_of, column_of;
  wire [STEPS-1:0]           middles;  // there is such a pixel
  wire [STEPS-1:0][4*BITS-1:0] below, here;
  wire [STEPS-1:0][3*BITS-1:0] above, far_above;
  for (genvar m = 0; m < STEPS; m++) begin : gen_step
    localparam int R = m / IMG_W;
    localparam int C = m % IMG_W;
    assign row_of[m]    = R;
    assign column_of[m] = C;
    assign middles[m]   = R >= 2 && R < IMG_H + 2;
    assign below[m]     = came_q[at(R - 1, C)];
    assign here[m]      = came_q[at(R - 2, C)];
    assign above[m]     = R < 3 ? came_q[at(0, C)][2:0] : left[at(R - 3, C)];
    assign far_above[m] = R < 4 ? came_q[at(0, C)][2:0] : left[at(R - 4, C)];
  end

  // Step s, of a frame that has it; else one without a pixel in the middle.
  wire step_t next_1 = step_q == step_t'(STEPS - 1) ? '0 : step_q + 8'd1;
  wire step_t next_2 = next_1 == step_t'(STEPS - 1) ? '0 : next_1 + 8'd1;
  wire step_t last_1 = step_q == '0 ? step_t'(STEPS - 1) : step_q - 8'd1;
  wire step_t last_2 = last_1 == '0 ? step_t'(STEPS - 1) : last_1 - 8'd1;
  wire step_t last_3 = last_2 == '0 ? step_t'(STEPS - 1) : last_2 - 8'd1;

  function automatic logic [PIXEL-1:0] pixel(input logic [4*BITS-1:0] whole);
    if (KEEP_FLAG) return whole;
    return {whole[4*BITS-1], whole[3*BITS-1:0]};
  endfunction

  always_comb begin
    if (rst_n && INVARIANTS) begin
      step_in_range: assert (32'(step_q) < STEPS);
      position: assert (
        8'(dut.column_q) == column_of[step_q] && 8'(dut.next_q) == column_of[next_1]
        && 8'(dut.read_q) == column_of[next_2] && 8'(dut.row_q) == row_of[next_2]
      );
      turns: assert (
        dut.at_q[-2] == (column_of[next_2] == 0) && dut.at_q[-1] == (column_of[next_1] == 0)
        && dut.at_q[0] == (column_of[step_q] == 0) && dut.at_q[1] == (column_of[last_1] == 0)
        && dut.at_q[2] == (column_of[last_2] == 0)
        && (step_q == 0 || dut.at_q[3] == (column_of[last_3] == 0))
      );
      phases: assert (
        dut.row_1_q == (row_of[next_1] == 1) && dut.row_2_q == (row_of[next_1] == 2)
        && dut.taking_next_q == (32'(next_1) < PIXELS) && dut.taking_q == (32'(step_q) < PIXELS)
        && dut.giving_q == (32'(step_q) >= LAG)
        && dut.end_next_q == (32'(next_1) == STEPS - 1) && dut.end_q == (32'(step_q) == STEPS - 1)
      );
      taken: assert (32'(x_place) == (32'(step_q) < PIXELS ? 32'(step_q) : 0));
      given_in_range: assert (32'(y_place) < PIXELS);
      given: assert (left_count == (32'(step_q) >= LAG ? 32'(step_q) - LAG : 0)
                     || (left_count == PIXELS && 32'(step_q) <= LAG));
      in_frames: assert (lead_q == 3'(32'(step_q) >= PIXELS) + 3'(fresh && y_end));
      fresh_behind: assert (!fresh || step_q == 0 || 32'(step_q) > LAG);
      gives_on: assert (valid || 32'(step_q) <= LAG || 32'(step_q) <= PIXELS);
      idle_gives: assert (32'(i_gives.idle_q) <= (32'(step_q) >= PIXELS ? 32'(step_q) - PIXELS : 0));
      idle_takes: assert (32'(i_takes.idle_q)
                          <= (step_q == 0 ? LAG : 32'(step_q) >= PIXELS ? 32'(step_q) - PIXELS : 0));
      if (32'(step_q) > LAG) last_left: assert (dut.colours_q == left[32'(step_q) - LAG - 1]);
    end
  end
  for (genvar n = 1; n <= (IMG_W > 6 ? 4 : 3); n++) begin : gen_back
    always_comb begin
      if (rst_n && INVARIANTS && 32'(step_q) >= n) columns_before: assert (8'(dut.back_q[n]) == column_of[step_q - n]);
    end
  end

  // What waits in the memories, at column a: the row that came last, what moved on with it, and the row that left last.
  for (genvar a = 0; a < IMG_W; a++) begin : gen_column
    wire [PIXEL-1:0]        came_there;
    wire [PIXEL+3*BITS-1:0] moved_there;
    wire [3*BITS-1:0]       gone_there;
    if (BLOCK_RAM) begin : gen_block
      assign came_there  = dut.gen_block.came_q[a];
      assign moved_there = dut.gen_block.moved_q[a];
      assign gone_there  = dut.gen_block.gone_q[a];
    end else begin : gen_luts
      assign came_there  = dut.gen_luts.came_q[a];
      assign moved_there = dut.gen_luts.moved_q[a];
      assign gone_there  = dut.gen_luts.gone_q[a];
    end
    for (genvar r = 0; r < IMG_H + 3; r++) begin : gen_row  // written in row r last
      wire last = 32'(step_q) > r * IMG_W + a && 32'(step_q) <= (r + 1) * IMG_W + a;
      always_comb begin
        if (rst_n && INVARIANTS && last) came_waits: assert (came_there == pixel(came_q[at(r, a)]));
        if (rst_n && INVARIANTS && last && r >= 1 && r < IMG_H + 2)
          moved_waits: assert (moved_there == {pixel(came_q[at(r - 1, a)]),
                                               r < 3 ? came_q[at(0, a)][2:0] : left[at(r - 3, a)]});
      end
    end
    for (genvar r = 0; r < IMG_H; r++) begin : gen_gone
      localparam int unsigned WRITTEN = r * IMG_W + a + LAG + (IMG_W > 6 ? 1 : 0);
      always_comb begin
        if (rst_n && INVARIANTS && 32'(step_q) > WRITTEN && 32'(step_q) <= WRITTEN + IMG_W)
          gone_waits: assert (gone_there == left[at(r, a)]);
      end
    end
  end

  // What the registers hold, stage by stage.
  always_comb begin
    if (rst_n && INVARIANTS) begin
      if (row_of[next_1] >= 1) read_below: assert (dut.below_q == pixel(below[next_1]));
      if (middles[next_1]) read_here: assert (dut.here_q == pixel(here[next_1]));
      if (middles[next_1] && row_of[next_1] >= 3) read_above: assert (dut.above_q == above[next_1]);
      if (middles[next_1]) read_far_above: assert (dut.far_above_q == far_above[next_1]);
      if (row_of[step_q] >= 1) comes_below: assert (dut.below_0_q == pixel(below[step_q]));
      if (row_of[step_q] == 1 || middles[step_q]) comes_above: assert (dut.above_0_q == above[step_q]);
      if (middles[step_q]) comes_far_above: assert (dut.far_above_0_q == far_above[step_q]);
      if (middles[step_q]) comes_here: assert (dut.here_0_q == pixel(here[step_q]));
      if (middles[last_1]) middle_here: assert (dut.here_1_q == pixel(here[last_1]));
      if (middles[last_2]) waits_here: assert (dut.here_2_q == pixel(here[last_2]));
      if (middles[last_3]) leaves_here: assert (dut.here_3_q == pixel(here[last_3]));
    end
  end

  for (genvar c = 0; c < 3; c++) begin : gen_colour
    typedef logic [BITS:0] two_t;
    typedef logic signed [BITS+3:0] signed_t;
    typedef logic signed [BITS+5:0] sum_t;
    wire [STEPS-1:0][BITS:0]   near, far;
    wire [STEPS-1:0][BITS+3:0] beside, around;
    wire [STEPS-1:0][BITS+2:0] along;
    wire [STEPS-1:0][BITS+1:0] ends;
    wire [STEPS-1:0][BITS+5:0] sum;
    wire [STEPS-1:0][BITS-1:0] left_of, first_left_of, far_left_of;
    for (genvar m = 0; m < STEPS; m++) begin : gen_step
      localparam int R = m / IMG_W;
      localparam int C = m % IMG_W;
      localparam bit MIDDLES = R >= 2 && R < IMG_H + 2;
      localparam int LEFT = C == 0 ? m : m - 1;
      localparam int RIGHT = !MIDDLES || C == IMG_W - 1 ? m : m + 1;
      localparam int BEYOND = !MIDDLES || C == IMG_W - 1 ? m : C == IMG_W - 2 ? m + 1 : m + 2;
      wire colour_t middle = here[m][BITS*c +: BITS];
      wire colour_t right  = here[RIGHT][BITS*c +: BITS];
      assign near[m]   = two_t'(below[m][BITS*c +: BITS]) + two_t'(above[m][BITS*c +: BITS]);
      assign far[m]    = two_t'(far_above[m][BITS*c +: BITS]) + two_t'(came_q[at(R, C)][c]);
      assign beside[m] = 4 * signed_t'(near[m]) + 3 - signed_t'(near[LEFT]);
      assign around[m] = beside[m] - (BITS+4)'(near[RIGHT]);
      assign along[m]  = C == 0 ? 2 * (BITS+3)'(right) + (BITS+3)'(middle) : 2 * (BITS+3)'(right) - (BITS+3)'(middle);
      assign ends[m]   = (BITS+2)'(far[m]) + (BITS+2)'(here[BEYOND][BITS*c +: BITS]);
      assign sum[m]    = 2 * sum_t'(signed'(around[m])) + 4 * sum_t'(signed'(along[m])) - sum_t'(ends[m]) + 3;
      assign left_of[m]       = C == 0 ? '0 : left[at(R - 2, C - 1)][c];
      assign first_left_of[m] = C == 1 ? left[at(R - 2, 0)][c] : '0;
      assign far_left_of[m]   = C == 0 ? middle : C == 1 ? '0 : left[at(R - 2, C - 2)][c];
    end
    always_comb begin
      if (rst_n && INVARIANTS) begin
        if (middles[step_q]) comes: assert (dut.gen_colour[c].near_0_q == near[step_q]);
        if (middles[last_1]) middle: assert (
          dut.gen_colour[c].near_1_q == near[last_1] && dut.gen_colour[c].far_q == far[last_1]
          && dut.gen_colour[c].beside_q == beside[last_1]
        );
        if (middles[last_2]) waits: assert (
          dut.gen_colour[c].around_q == around[last_2] && dut.gen_colour[c].along_q == along[last_2]
          && dut.gen_colour[c].ends_q == ends[last_2]
        );
        if (middles[last_3]) leaves: assert (
          dut.gen_colour[c].sum_q == sum[last_3] && dut.gen_colour[c].left_q == left_of[last_3]
          && dut.gen_colour[c].first_left_q == first_left_of[last_3]
          && dut.gen_colour[c].far_left_q == far_left_of[last_3]
        );
      end
    end
  end

endmodule

`default_nettype wire
