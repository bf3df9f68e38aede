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

  // Columns of it, 3*near + far, each colour's.
  typedef logic [2:0][BITS+1:0] column_t;

  function automatic column_t column_of(input logic [4*BITS-1:0] near, input logic [4*BITS-1:0] far);
    for (int c = 0; c < 3; c++) begin
      column_of[c] = 3 * (BITS+2)'(near[BITS*c +: BITS]) + (BITS+2)'(far[BITS*c +: BITS]);
    end
  endfunction

  function automatic logic [4*BITS-1:0] word_of(input column_t near, input column_t far, input logic [4*BITS-1:0] own);
    automatic logic [BITS+3:0] sum;
    word_of = own;
    for (int c = 0; c < 3; c++) begin
      sum = 3 * (BITS+4)'(near[c]) + (BITS+4)'(far[c]) + (BITS+4)'(8);
      if (own[4*BITS-1]) word_of[BITS*c +: BITS] = BITS'(sum / 16);
    end
  endfunction

  wire column_t near_column = column_of(cells_q[0], cells_q[2]);
  wire column_t far_column  = column_of(cells_q[1], cells_q[3]);
  wire [4*BITS-1:0] word = word_of(near_column, far_column, b);

  wire [1:0] level;
  stream_holds #(.WIDTH(OUT)) i_holds (.clk, .rst_n, .valid, .ready(accept), .data(y));
  stream_order #(.WIDTH(OUT), .CAPACITY(1)) i_order (
    .clk, .rst_n, .mark, .level,
    .enters(take_b && |b_here), .word_in(word[OUT-1:0]), .leaves(give && |y_here), .word_out(y)
  );

  // Pixels that have been taken and have not left.
  logic [2:0] way_q;
  always_ff @(posedge clk) begin
    if (!rst_n) way_q <= '0;
    else way_q <= way_q + 3'(take_b) - 3'(give);
  end

  // Rows of a that are complete, and those that b's row needs: from `low` to `high`.
  wire [31:0] rows = lead_q > 0 ? ROWS : 32'(a_place) / COLUMNS;
  wire [31:0] row  = 32'(b_place) / IMG_W;
  wire [31:0] low  = row == 0 ? 0 : (row - 1) / 2;
  wire [31:0] high = (row + 1) / 2 < ROWS ? (row + 1) / 2 : ROWS - 1;

  always_comb begin
    if (rst_n) begin
      frames_together: assert (lead_q == 0 || lead_q == 1 && a_place == '0);
      a_taken_ahead:   assert (a_ready == (rows < ROWS && rows < low + 4));
      b_taken:         assert (b_ready == ((way_q < 3'd4 || accept) && rows > high));
      read_in_range:   assert (32'(dut.read_q) < COLUMNS);
      rows_in_range:   assert (32'(dut.rows_q) < ROWS);
      load_in_range:   assert (32'(dut.load_q) < COLUMNS);
    end
  end

  // What makes the proof inductive: the module's state as functions of the reference's, what it stores as the cells of
  // the watched place, and the steps' registers as what the watched pixel needs of them. Pixels in the steps
  // are followed by their places.
  wire [31:0] column = 32'(b_place) % IMG_W;
  wire [3:0]  there = dut.there_q;
  wire [3:0][31:0] places = {
    (32'(b_place) + PIXELS - 32'(there[0]) - 32'(there[1]) - 32'(there[2]) - 32'(there[3])) % PIXELS,
    (32'(b_place) + PIXELS - 32'(there[0]) - 32'(there[1]) - 32'(there[2])) % PIXELS,
    (32'(b_place) + PIXELS - 32'(there[0]) - 32'(there[1])) % PIXELS,
    (32'(b_place) + PIXELS - 32'(there[0])) % PIXELS
  };
  logic [3:0] here;
  always_comb begin
    here = '0;
    for (int place = 0; place < PIXELS; place++) begin
      for (int k = 0; k < 4; k++) here[k] |= there[k] && place_q[place] && places[k] == place;
    end
  end

  logic [4*BITS-1:0] own_q;  // the watched pixel in the steps, and the columns that it needs
  column_t near_q, far_q;
  always_ff @(posedge clk) begin
    if (take_b && |b_here) begin
      own_q  <= b;
      near_q <= near_column;
      far_q  <= far_column;
    end
  end
  wire [4*BITS-1:0] own_word = word_of(near_q, far_q, own_q);

  always_comb begin
    if (rst_n && INVARIANTS) begin
      one_place: assert ($onehot(place_q));
      a_places:  assert (32'(a_place) < CELLS && 32'(dut.rows_q) == rows % ROWS
                         && 32'(dut.load_q) == 32'(a_place) % COLUMNS);
      a_held:    assert (dut.all_q == (rows == ROWS) && rows >= low && rows <= low + 4);
      b_place_known: assert (
        32'(b_place) < PIXELS && dut.right_q == column[0] && dut.first_q == (column == 0)
        && dut.last_q == (column / 2 == COLUMNS - 1) && dut.end_q == (column == IMG_W - 1)
        && 32'(dut.read_q) == ((column + 1) / 2 < COLUMNS ? (column + 1) / 2 : COLUMNS - 1)
      );
      b_row_known: assert (
        dut.lower_q == row[0] && dut.odd_q == row[1] && dut.edge_q == (row == 0 || row == IMG_H - 1)
      );
      y_places:  assert (32'(y_place) < PIXELS && (32'(y_place) + 32'(way_q)) % PIXELS == 32'(b_place));
      way_exact: assert (way_q == 3'(there[0]) + 3'(there[1]) + 3'(there[2]) + 3'(there[3]));
      full_exact: assert (dut.full_q == {there[3], &there[3:2], &there[3:1], &there});
      row_begun: assert (column == 0 || rows > high);
      level_exact:    assert (level == 2'(|here) && $onehot0(here));
      watched_inside: assert (!i_order.watched_q || level == 2'd1 && i_order.ahead_q == '0);
      watched_word:   assert (!i_order.watched_q || i_order.word_q == own_word[OUT-1:0]);
      columns_known: assert (
        (!there[0] || dut.right1_q == places[0][0]) && (!there[1] || dut.right2_q == places[1][0])
      );
      first_step:     assert (!here[0] || dut.b1_q == own_q);
      second_step:    assert (!here[1] || dut.b2_q == own_q);
      third_step:     assert (!here[2] || dut.b3_q == own_q);
      fourth_step:    assert (!here[3] || y == own_word[OUT-1:0]);
      steps_on: assert (
        !(here[0] && i_gives.idle_q != '0) && !(here[1] && i_gives.idle_q > 1) && !(here[2] && i_gives.idle_q > 2)
      );
    end
  end

  for (genvar n = 0; n < 4; n++) begin : gen_held
    always_comb begin
      if (rst_n && INVARIANTS) held: assert (dut.held_q[n] == (rows > low + n));
    end
  end
  for (genvar odd = 0; odd < 2; odd++) begin : gen_second
    wire [31:0] read_row = low % 2 == odd ? low : low + 1;
    always_comb begin
      if (rst_n && INVARIANTS) second: assert (dut.gen_memory[odd].second_q == read_row[1]);
    end
  end

  localparam int unsigned STRIDE = 2 ** (COLUMNS > 1 ? $clog2(COLUMNS) : 1);  // of rows in a memory
  wire column_t read_column = column_of((4*BITS)'(dut.near_row), (4*BITS)'(dut.far_row));

  for (genvar place = 0; place < PIXELS; place++) begin : gen_stored
    localparam int unsigned COLUMN = place % IMG_W;
    localparam bit          RIGHT = COLUMN % 2;
    localparam int unsigned MOST = 4 * (2 ** BITS - 1);
    for (genvar k = 0; k < 4; k++) begin : gen_corner
      localparam int unsigned ORIGIN = origin(place, k);
      localparam int unsigned MEMORY = ORIGIN / COLUMNS % 2;
      localparam int unsigned AT = ORIGIN / COLUMNS / 2 % 2 * STRIDE + ORIGIN % COLUMNS;
      wire needed = place_q[place] && 32'(b_place) <= place && (lead_q > 0 || 32'(a_place) > ORIGIN);
      always_comb begin
        if (rst_n && INVARIANTS)
          stored: assert (!needed || dut.gen_memory[MEMORY].cells_q[AT] == cells_q[k][3*BITS-1:0]);
      end
    end
    // The column that an odd column is nearer to, and an even one farther from, comes with an even column before, and
    // is kept from the third step on.
    localparam int unsigned BEFORE = place - COLUMN + (COLUMN - 1) / 2 * 2;
    wire column_t to_come = RIGHT ? near_column : far_column;
    wire column_t come    = RIGHT ? near_q : far_q;
    wire column_t read_kept = to_come;  // by a pixel that is in the first step
    wire column_t down_kept = here[0] ? come : to_come;
    wire column_t near_kept = here[0] || here[1] ? come : to_come;
    wire is_read = COLUMN > 0 && place_q[place] && there[0] && places[0] == BEFORE;
    wire is_down = COLUMN > 0 && place_q[place] && there[1] && places[1] == BEFORE;
    wire is_near = COLUMN > 0 && place_q[place] && places[1] > BEFORE && places[1] <= place;
    for (genvar c = 0; c < 3; c++) begin : gen_colour
      wire [BITS+1:0] own = RIGHT ? far_q[c] : near_q[c];  // comes with the pixel
      wire [BITS+2:0] two = near_q[c] + far_q[c] + (BITS+3)'(4);
      always_comb begin
        if (rst_n && INVARIANTS) begin
          own_read: assert (!(place_q[place] && here[0]) || read_column[c] == own && dut.first1_q == (COLUMN == 0));
          own_down: assert (
            !(place_q[place] && here[1]) || dut.gen_colour[c].down_q == own + 2 && dut.first2_q == (COLUMN == 0)
          );
          own_sum:  assert (
            !(place_q[place] && here[2])
            || dut.gen_colour[c].near_q == near_q[c] + 2 && dut.gen_colour[c].sum_q == (own_q[4*BITS-1] ? two : '0)
          );
          own_edge: assert (!(place_q[place] && |here && COLUMN == 0) || near_q[c] == far_q[c]);
          own_most: assert (!(place_q[place] && |here) || near_q[c] <= MOST && far_q[c] <= MOST);
          left_read: assert (!is_read || read_column[c] == read_kept[c]);
          left_down: assert (!is_down || dut.gen_colour[c].down_q == down_kept[c] + 2);
          left_kept: assert (!is_near || dut.gen_colour[c].near_q == near_kept[c] + 2);
        end
      end
    end
  end

  // It never waits for itself.
  soon #(.LIMIT(3)) i_gives (.clk, .rst_n, .idle(level != '0 && !valid));
  soon i_takes (.clk, .rst_n, .idle(!a_ready && !b_ready && !(valid && !accept)));

endmodule

`default_nettype wire
