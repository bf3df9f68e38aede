// SPDX-License-Identifier: Apache-2.0
// pyramid_halve: the cell at any one place of an output row is the mean of the sound ones of its four pixels, row after
// row. The place is drawn at reset, from free inputs; the cells at that place are a queue, over which the rows'
// order is shown as for any stream. As every place has its cell and each cell that leaves is counted, none is
// lost, doubled or moved. Frames do not come in: there is no end of one. Pixels are taken exactly when README.md
// says so, which the timing model rests on.
`default_nettype none

module pyramid_halve_proof #(
  parameter int unsigned IMG_W = 2,
  parameter int unsigned BITS = 1,
  parameter bit          INVARIANTS = 1 // 0: the contract alone
) (
  input wire              clk,
  input wire              reset_n,
  input wire              offer, accept, mark,
  input wire [4*BITS-1:0] beat,
  input wire [3:0]        any_place
);

  localparam int unsigned CELLS = IMG_W / 2;

  wire rst_n;
  first_reset i_reset (.clk, .reset_n, .rst_n);

  wire [4*BITS-1:0] s_data, m_data;
  wire              s_valid, s_ready, m_valid;

  stream_source #(.WIDTH(4*BITS)) i_source (
    .clk, .rst_n, .offer, .beat, .valid(s_valid), .ready(s_ready), .data(s_data)
  );

  pyramid_halve #(.IMG_W(IMG_W), .BITS(BITS)) dut (
    .ap_clk(clk), .ap_rst_n(rst_n),
    .s_axis_tdata(s_data), .s_axis_tvalid(s_valid), .s_axis_tready(s_ready),
    .m_axis_tdata(m_data), .m_axis_tvalid(m_valid), .m_axis_tready(accept)
  );

  logic [CELLS-1:0] place_q;  // one hot
  always_ff @(posedge clk) begin
    if (!rst_n) place_q <= CELLS'(1) << (32'(any_place) < CELLS ? any_place : 4'd0);
  end

  // Input pixels are counted over two rows, cells that leave over one.
  wire [$clog2(2*IMG_W+1)-1:0] s_place;
  wire [$clog2(CELLS+1)-1:0]   m_place;
  wire s_end, m_end;
  wire take = s_valid && s_ready;
  wire give = m_valid && accept;
  modulo #(.PERIOD(2 * IMG_W)) i_in (.clk, .rst_n, .step(take), .last(s_end), .count(s_place));
  modulo #(.PERIOD(CELLS)) i_out (.clk, .rst_n, .step(give), .last(m_end), .count(m_place));

  wire [CELLS-1:0][3:0] s_corner;  // the pixel that is next is this corner of the cell
  wire [CELLS-1:0]      m_here;
  for (genvar place = 0; place < CELLS; place++) begin : gen_place
    for (genvar corner = 0; corner < 4; corner++) begin : gen_corner
      localparam int unsigned ORIGIN = corner / 2 * IMG_W + 2 * place + corner % 2;
      assign s_corner[place][corner] = place_q[place] && 32'(s_place) == ORIGIN;
    end
    assign m_here[place] = place_q[place] && 32'(m_place) == place;
  end
  logic [3:0] corner;
  always_comb begin
    corner = '0;
    for (int place = 0; place < CELLS; place++) corner |= s_corner[place];
  end

  // The cell's pixels, the last as it comes.
  logic [3:0][4*BITS-1:0] pixels_q;
  wire  [3:0][4*BITS-1:0] pixels = {s_data, pixels_q[2:0]};
  always_ff @(posedge clk) begin
    for (int k = 0; k < 4; k++) if (take && corner[k]) pixels_q[k] <= s_data;
  end

  function automatic logic [BITS+1:0] sum_of(input logic [3:0][4*BITS-1:0] given, input int c, input int most);
    sum_of = '0;
    for (int k = 0; k < 4; k++) if (k < most && !given[k][4*BITS-1]) sum_of += (BITS+2)'(given[k][BITS*c +: BITS]);
  endfunction

  function automatic logic [2:0] sound_of(input logic [3:0][4*BITS-1:0] given, input int most);
    sound_of = '0;
    for (int k = 0; k < 4; k++) if (k < most) sound_of += 3'(!given[k][4*BITS-1]);
  endfunction

  // n and, for each colour, sum + n/2, of which an n-th part is the mean.
  typedef struct packed {
    logic [2:0]           n;
    logic [2:0][BITS+1:0] sums;
  } cell_t;

  function automatic cell_t cell_of(input logic [3:0][4*BITS-1:0] given);
    cell_of.n = sound_of(given, 4);
    for (int c = 0; c < 3; c++) cell_of.sums[c] = sum_of(given, c, 4) + (BITS+2)'(cell_of.n / 2);
  endfunction

  function automatic logic [4*BITS-1:0] mean_of(input cell_t given);
    mean_of[3*BITS +: BITS] = given.n == '0 ? '1 : '0;
    for (int c = 0; c < 3; c++) begin
      unique case (given.n)
        3'd0:    mean_of[BITS*c +: BITS] = 1 << (BITS - 1);
        3'd1:    mean_of[BITS*c +: BITS] = BITS'(given.sums[c]);
        3'd2:    mean_of[BITS*c +: BITS] = BITS'(given.sums[c] / 2);
        3'd3:    mean_of[BITS*c +: BITS] = BITS'(given.sums[c] / 3);
        default: mean_of[BITS*c +: BITS] = BITS'(given.sums[c] / 4);
      endcase
    end
  endfunction

  wire [1:0] level;
  stream_holds #(.WIDTH(4*BITS)) i_holds (.clk, .rst_n, .valid(m_valid), .ready(accept), .data(m_data));
  stream_order #(.WIDTH(4*BITS), .CAPACITY(2)) i_order (
    .clk, .rst_n, .mark, .level,
    .enters(take && corner[3]), .word_in(mean_of(cell_of(pixels))), .leaves(give && |m_here), .word_out(m_data)
  );

  // Cells whose last pixel has been taken and that have not left.
  wire completes = 32'(s_place) >= IMG_W && s_place[0];
  logic [1:0] way_q;
  always_ff @(posedge clk) begin
    if (!rst_n) way_q <= '0;
    else way_q <= way_q + 2'(take && completes) - 2'(give);
  end

  always_comb begin
    if (rst_n) begin
      cell_in_range: assert (32'(dut.cell_q) < CELLS);
      taken:         assert (s_ready == !(completes && way_q == 2'd2));
    end
  end

  // What makes the proof inductive: the module's counters as functions of the reference's, its sums as those of the
  // watched cell's pixels, and the cells on their way, of which the watched one is in one of three places.
  wire added = dut.there_q && dut.last_q && dut.below_q;  // the last pixel is being added
  wire [2:0][31:0] places = {
    (32'(m_place) + 32'(m_valid) + 32'(dut.summed_q)) % CELLS, (32'(m_place) + 32'(m_valid)) % CELLS, 32'(m_place)
  };
  logic [2:0] here;
  always_comb begin
    here = '0;
    for (int place = 0; place < CELLS; place++) begin
      for (int k = 0; k < 3; k++) here[k] |= place_q[place] && places[k] == place;
    end
    here &= {added, dut.summed_q, m_valid};
  end
  wire [31:0] summed = (32'(s_place) + 2 * IMG_W - 32'(dut.there_q)) % (2 * IMG_W);  // pixels, of two rows

  cell_t      watched_q;  // the watched cell
  logic [2:0] possible;   // each sum, of so many colours
  always_ff @(posedge clk) begin
    if (take && corner[3] && !i_order.watched_q) watched_q <= cell_of(pixels);
  end
  always_comb begin
    for (int c = 0; c < 3; c++) begin
      possible[c] = 32'(watched_q.sums[c]) <= 32'(watched_q.n) * (2 ** BITS - 1) + 32'(watched_q.n) / 2;
    end
  end

  always_comb begin
    if (rst_n && INVARIANTS) begin
      one_place:    assert ($onehot(place_q));
      input_place:  assert (32'(s_place) == 32'(dut.lower_q) * IMG_W + 2 * 32'(dut.cell_q) + 32'(dut.right_q));
      pixel_place:  assert (
        !dut.there_q
        || 32'(dut.place_q) < CELLS && summed == 32'(dut.below_q) * IMG_W + 2 * 32'(dut.place_q) + 32'(dut.last_q)
      );
      output_place: assert (
        32'(m_place) < CELLS
        && (32'(m_place) + 32'(way_q)) % CELLS == (dut.lower_q ? 32'(dut.cell_q) : 0)
      );
      way_exact:    assert (way_q <= 2'd2 && way_q == 2'(added) + 2'(dut.summed_q) + 2'(m_valid));
      busy_exact:   assert (dut.busy_q == {way_q == 2'd2, way_q != 2'd0});
      level_exact:    assert (level == 2'(here[0]) + 2'(here[1]) + 2'(here[2]));
      watched_inside: assert (!i_order.watched_q || i_order.ahead_q < level);
      watched_mean:   assert (
        !i_order.watched_q || i_order.word_q == mean_of(watched_q) && watched_q.n <= 3'd4 && &possible
      );
      watched_out:    assert (!(i_order.watched_q && here[0] && i_order.ahead_q == '0) || m_data == i_order.word_q);
      watched_summed: assert (
        !(i_order.watched_q && here[1] && i_order.ahead_q == 2'(here[0])) || {dut.count_q, dut.whole_q} == watched_q
      );
      watched_added:  assert (
        !(i_order.watched_q && here[2] && i_order.ahead_q == 2'(here[0]) + 2'(here[1]))
        || cell_of(pixels_q) == watched_q
      );
      steps_on:       assert (!(here[2] && i_gives.idle_q != '0) && !(here[1] && i_gives.idle_q > 2'd1));
    end
  end

  for (genvar place = 0; place < CELLS; place++) begin : gen_sums
    wire upper = place_q[place] && summed >= 2 * place + 2 && summed < IMG_W + 2 * place + 2;
    wire held  = place_q[place] && summed % IMG_W == 2 * place + 1;
    wire lower = summed >= IMG_W;
    wire here  = place_q[place] && dut.there_q && 32'(dut.place_q) == place;
    wire [4*BITS-1:0] now = pixels_q[{dut.below_q, dut.last_q}];
    wire [2:0] sound_upper = sound_of(pixels_q, 2);
    wire [2:0] sound_held  = sound_of(pixels_q, lower ? 3 : 1);
    always_comb begin
      if (rst_n && INVARIANTS) begin
        upper_sound: assert (!upper || dut.upper_q[place][3*BITS+3 +: 2] == 2'(sound_upper));
        held_sound:  assert (!held || dut.n_q == 2'(sound_held));
        pixel_sound: assert (!here || dut.sound_q == !now[4*BITS-1]);
      end
    end
    for (genvar c = 0; c < 3; c++) begin : gen_colour
      always_comb begin
        if (rst_n && INVARIANTS) begin
          upper_sum: assert (
            !upper
            || dut.upper_q[place][(BITS+1)*c +: BITS+1]
               == (BITS+1)'(sum_of(pixels_q, c, 2) + (BITS+2)'(sound_upper / 2))
          );
          held_sum:  assert (
            !held || dut.sums_q[c] == sum_of(pixels_q, c, lower ? 3 : 1) + (BITS+2)'(sound_held / 2)
          );
          pixel:     assert (!here || dut.pixel_q[c] == (now[4*BITS-1] ? '0 : now[BITS*c +: BITS]));
        end
      end
    end
  end

  // It never waits for itself, nor a cell for more than its last pixel.
  soon #(.LIMIT(2)) i_gives (.clk, .rst_n, .idle(level != '0 && !m_valid));
  soon #(.LIMIT(1)) i_takes (.clk, .rst_n, .idle(!s_ready && !(m_valid && !accept)));

endmodule

`default_nettype wire
