// SPDX-License-Identifier: Apache-2.0
// pyramid_double: the pixel at any one place of an output frame is the level's own or, where that is broken, the sum of
// four cells of the level above that the formula says,
//   (9*a[near, near] + 3*a[near, far] + 3*a[far, near] + a[far, far] + 8) / 16
// frame after frame. The place is drawn at reset, from free inputs; the pixels at that place are a queue, over
// which the frames' order is shown as for any stream. As every place has its pixel and each pixel that leaves is
// counted, none is lost, doubled or moved. Both inputs are taken exactly when README.md says so, which the
// timing model rests on.
`default_nettype none

module pyramid_double_proof #(
  parameter int unsigned IMG_H = 2,
  parameter int unsigned IMG_W = 2,
  parameter bit          KEEP_FLAG = 0,
  parameter int unsigned BITS = 2,      // rounding hides the farther cells of one bit
  parameter bit          INVARIANTS = 1 // 0: the contract alone
) (
  input wire              clk,
  input wire              reset_n,
  input wire              offer_a, offer_b, accept, mark,
  input wire [4*BITS-1:0] beat_a, beat_b,
  input wire [7:0]        any_place
);

  localparam int unsigned ROWS = IMG_H / 2;
  localparam int unsigned COLUMNS = IMG_W / 2;
  localparam int unsigned CELLS = ROWS * COLUMNS;
  localparam int unsigned PIXELS = IMG_H * IMG_W;
  localparam int unsigned OUT = (KEEP_FLAG ? 4 : 3) * BITS;

  wire rst_n;
  first_reset i_reset (.clk, .reset_n, .rst_n);

  wire [4*BITS-1:0] a, b;
  wire [OUT-1:0]    y;
  wire              a_valid, a_ready, b_valid, b_ready, valid;

  stream_source #(.WIDTH(4*BITS)) i_source_a (
    .clk, .rst_n, .offer(offer_a), .beat(beat_a), .valid(a_valid), .ready(a_ready), .data(a)
  );
  stream_source #(.WIDTH(4*BITS)) i_source_b (
    .clk, .rst_n, .offer(offer_b), .beat(beat_b), .valid(b_valid), .ready(b_ready), .data(b)
  );

  pyramid_double #(.IMG_H(IMG_H), .IMG_W(IMG_W), .KEEP_FLAG(KEEP_FLAG), .BITS(BITS)) dut (
    .ap_clk(clk), .ap_rst_n(rst_n),
    .s_axis_a_tdata(a), .s_axis_a_tvalid(a_valid), .s_axis_a_tready(a_ready),
    .s_axis_b_tdata(b), .s_axis_b_tvalid(b_valid), .s_axis_b_tready(b_ready),
    .m_axis_tdata(y), .m_axis_tvalid(valid), .m_axis_tready(accept)
  );

  // The cells of a place of the output, from its row and column: k/2 and k%2 say whether its row and column are the
  // farther ones.
  function automatic int unsigned nearby(input int unsigned place, input bit far, input int unsigned count);
    nearby = place / 2;
    if (far && place % 2 == 0 && nearby > 0) nearby--;
    if (far && place % 2 == 1 && nearby < count - 1) nearby++;
  endfunction

  function automatic int unsigned origin(input int unsigned place, input int unsigned k);
    return nearby(place / IMG_W, k / 2 == 1, ROWS) * COLUMNS + nearby(place % IMG_W, k % 2 == 1, COLUMNS);
  endfunction

  logic [PIXELS-1:0] place_q;  // one hot
  always_ff @(posedge clk) begin
    if (!rst_n) place_q <= PIXELS'(1) << (32'(any_place) < PIXELS ? any_place : 8'd0);
  end

  wire [$clog2(CELLS+1)-1:0]  a_place;
  wire [$clog2(PIXELS+1)-1:0] b_place, y_place;
  wire a_end, b_end, y_end;
  wire take_a = a_valid && a_ready;
  wire take_b = b_valid && b_ready;
  wire give = valid && accept;
  modulo #(.PERIOD(CELLS)) i_a (.clk, .rst_n, .step(take_a), .last(a_end), .count(a_place));
  modulo #(.PERIOD(PIXELS)) i_b (.clk, .rst_n, .step(take_b), .last(b_end), .count(b_place));
  modulo #(.PERIOD(PIXELS)) i_y (.clk, .rst_n, .step(give), .last(y_end), .count(y_place));

  // a's frames that are complete before b's are: none, or the one that b is in.
  logic signed [2:0] lead_q;
  always_ff @(posedge clk) begin
    if (!rst_n) lead_q <= '0;
    else lead_q <= lead_q + 3'(take_a && a_end) - 3'(take_b && b_end);
  end

  wire [PIXELS-1:0][3:0] a_corner;
  wire [PIXELS-1:0]      b_here, y_here;
  for (genvar place = 0; place < PIXELS; place++) begin : gen_place
    for (genvar k = 0; k < 4; k++) begin : gen_corner
      localparam int unsigned ORIGIN = origin(place, k);
      assign a_corner[place][k] = place_q[place] && 32'(a_place) == ORIGIN;
    end
    assign b_here[place] = place_q[place] && 32'(b_place) == place;
    assign y_here[place] = place_q[place] && 32'(y_place) == place;
  end
  logic [3:0] corner;  // a's next cell is such a one
  always_comb begin
    corner = '0;
    for (int place = 0; place < PIXELS; place++) corner |= a_corner[place];
  end

  logic [3:0][4*BITS-1:0] cells_q;  // of the watched place
  always_ff @(posedge clk) begin
    for (int k = 0; k < 4; k++) if (take_a && corner[k]) cells_q[k] <= a;
  end

  wire [4*BITS-1:0] word;
  assign word[3*BITS +: BITS] = b[3*BITS +: BITS];
  for (genvar c = 0; c < 3; c++) begin : gen_word
    wire [BITS+1:0] near_column = 3 * (BITS+2)'(cells_q[0][BITS*c +: BITS]) + (BITS+2)'(cells_q[2][BITS*c +: BITS]);
    wire [BITS+1:0] far_column  = 3 * (BITS+2)'(cells_q[1][BITS*c +: BITS]) + (BITS+2)'(cells_q[3][BITS*c +: BITS]);
    wire [BITS+3:0] sum = 3 * (BITS+4)'(near_column) + (BITS+4)'(far_column) + (BITS+4)'(8);
    assign word[BITS*c +: BITS] = b[4*BITS-1] ? BITS'(sum / 16) : b[BITS*c +: BITS];
  end

  wire [1:0] level;
  stream_holds #(.WIDTH(OUT)) i_holds (.clk, .rst_n, .valid, .ready(accept), .data(y));
  stream_order #(.WIDTH(OUT), .CAPACITY(1)) i_order (
    .clk, .rst_n, .mark, .level,
    .enters(take_b && |b_here), .word_in(word[OUT-1:0]), .leaves(give && |y_here), .word_out(y)
  );

  // Rows of a that are complete, and those that b's row needs: from `low` to `high`.
  wire [31:0] rows = lead_q > 0 ? ROWS : 32'(a_place) / COLUMNS;
  wire [31:0] row  = 32'(b_place) / IMG_W;
  wire [31:0] low  = row == 0 ? 0 : (row - 1) / 2;
  wire [31:0] high = (row + 1) / 2 < ROWS ? (row + 1) / 2 : ROWS - 1;

  always_comb begin
    if (rst_n) begin
      frames_together: assert (lead_q == 0 || lead_q == 1 && a_place == '0);
      a_taken_ahead:   assert (a_ready == (rows < ROWS && rows < low + 4));
      b_taken:         assert (b_ready == ((!valid || accept) && rows > high));
      row_in_range:    assert (32'(dut.row_q) < ROWS);
      cell_in_range:   assert (32'(dut.cell_q) < COLUMNS);
      rows_in_range:   assert (32'(dut.rows_q) <= ROWS);
      load_in_range:   assert (32'(dut.load_q) < COLUMNS);
    end
  end

  // What makes the proof inductive: the module's counters as functions of the reference's, and what it stores as the
  // cells of the watched place.
  always_comb begin
    if (rst_n && INVARIANTS) begin
      one_place: assert ($onehot(place_q));
      a_places:  assert (32'(a_place) < CELLS && 32'(dut.rows_q) == rows
                         && 32'(dut.load_q) == 32'(a_place) % COLUMNS);
      b_places:  assert (
        32'(b_place) == (2 * 32'(dut.row_q) + 32'(dut.lower_q)) * IMG_W + 2 * 32'(dut.cell_q) + 32'(dut.right_q)
      );
      y_places:  assert (32'(y_place) < PIXELS && (32'(y_place) + 32'(valid)) % PIXELS == 32'(b_place));
      row_begun: assert (32'(b_place) % IMG_W == 0 || rows > high);
      level_exact:    assert (level == 2'(valid && |y_here));
      watched_inside: assert (!i_order.watched_q || level == 2'd1 && i_order.ahead_q == '0);
      watched_held:   assert (!i_order.watched_q || y == i_order.word_q);
    end
  end

  for (genvar place = 0; place < PIXELS; place++) begin : gen_stored
    localparam int unsigned ROW = place / IMG_W;
    localparam int unsigned COLUMN = place % IMG_W;
    for (genvar k = 0; k < 4; k++) begin : gen_corner
      localparam int unsigned ORIGIN = origin(place, k);
      localparam int unsigned MEMORY = ORIGIN / COLUMNS % 2;
      localparam int unsigned AT = ORIGIN / COLUMNS / 2 % 2 * COLUMNS + ORIGIN % COLUMNS;
      wire needed = place_q[place] && 32'(b_place) <= place && (lead_q > 0 || 32'(a_place) > ORIGIN);
      always_comb begin
        if (rst_n && INVARIANTS)
          stored: assert (!needed || dut.gen_memory[MEMORY].cells_q[AT] == cells_q[k][3*BITS-1:0]);
      end
    end
    // The column that an odd column is nearer to, and an even one farther from, is kept.
    localparam int unsigned KEPT = COLUMN % 2;
    wire kept = place_q[place] && 32'(b_place) / IMG_W == ROW && 32'(b_place) <= place
                && 32'(b_place) % IMG_W > (COLUMN - 1) / 2 * 2 && COLUMN > 0;
    for (genvar c = 0; c < 3; c++) begin : gen_colour
      wire [BITS+1:0] down = 3 * (BITS+2)'(cells_q[1-KEPT][BITS*c +: BITS])
                             + (BITS+2)'(cells_q[3-KEPT][BITS*c +: BITS]);
      always_comb begin
        if (rst_n && INVARIANTS) left_kept: assert (!kept || dut.gen_colour[c].left_q == down);
      end
    end
  end

  // It never waits for itself.
  soon i_gives (.clk, .rst_n, .idle(level != '0 && !valid));
  soon i_takes (.clk, .rst_n, .idle(!a_ready && !b_ready && !(valid && !accept)));

endmodule

`default_nettype wire
