// SPDX-License-Identifier: Apache-2.0
// pixel_shuffle: the beat at any one place of an output frame is that of the formula,
//   out[row, column, c] = in[y, x, (r*STRIDE + s)*CF + c]   row + CROP_N = STRIDE*y + r, column + CROP_W = STRIDE*x + s
// frame after frame (place_order).
`default_nettype none

module pixel_shuffle_proof #(
  parameter int unsigned WIDTH = 1,
  parameter int unsigned IMG_H = 2,
  parameter int unsigned IMG_W = 2,
  parameter int unsigned CF = 1,
  parameter int unsigned STRIDE = 2,
  parameter int unsigned CROP_N = 0,
  parameter int unsigned CROP_E = 0,
  parameter int unsigned CROP_S = 0,
  parameter int unsigned CROP_W = 0,
  parameter int unsigned FIFO0_DEPTH = 2,
  parameter int unsigned ROW_DEPTH = 0,
  parameter int unsigned FRAMES = 4,    // no more than this many beats of one place are inside
  parameter bit          INVARIANTS = 1 // 0: the contract alone
) (
  input wire             clk,
  input wire             reset_n,
  input wire             offer, accept, mark,
  input wire [WIDTH-1:0] beat,
  input wire [7:0]       any_place
);

  localparam int unsigned ROWS = STRIDE * IMG_H - CROP_N - CROP_S;
  localparam int unsigned COLUMNS = STRIDE * IMG_W - CROP_W - CROP_E;
  localparam int unsigned IN_BEATS = IMG_H * IMG_W * STRIDE * STRIDE * CF;
  localparam int unsigned OUT_BEATS = ROWS * COLUMNS * CF;

  wire rst_n;
  first_reset i_reset (.clk, .reset_n, .rst_n);

  wire [WIDTH-1:0] s_data, m_data;
  wire             s_valid, s_ready, m_valid;

  stream_source #(.WIDTH(WIDTH)) i_source (
    .clk, .rst_n, .offer, .beat, .valid(s_valid), .ready(s_ready), .data(s_data)
  );

  pixel_shuffle #(
    .WIDTH(WIDTH), .IMG_H(IMG_H), .IMG_W(IMG_W), .CF(CF), .STRIDE(STRIDE),
    .CROP_N(CROP_N), .CROP_E(CROP_E), .CROP_S(CROP_S), .CROP_W(CROP_W),
    .FIFO0_DEPTH(FIFO0_DEPTH), .ROW_DEPTH(ROW_DEPTH)
  ) dut (
    .ap_clk(clk), .ap_rst_n(rst_n),
    .s_axis_tdata(s_data), .s_axis_tvalid(s_valid), .s_axis_tready(s_ready),
    .m_axis_tdata(m_data), .m_axis_tvalid(m_valid), .m_axis_tready(accept)
  );

  // For each place of the output the place of its beat in the input.
  function automatic int unsigned origin(input int unsigned place);
    automatic int unsigned c = place % CF;
    automatic int unsigned column = (place / CF) % COLUMNS + CROP_W;
    automatic int unsigned row = place / CF / COLUMNS + CROP_N;
    return (((row / STRIDE) * IMG_W + column / STRIDE) * STRIDE * STRIDE
            + (row % STRIDE) * STRIDE + column % STRIDE) * CF + c;
  endfunction

  function automatic logic [16*OUT_BEATS-1:0] origins();
    for (int unsigned place = 0; place < OUT_BEATS; place++) origins[16*place +: 16] = 16'(origin(place));
  endfunction

  wire [OUT_BEATS-1:0]           place_q;
  wire [$clog2(IN_BEATS+1)-1:0]  s_place;
  wire [$clog2(OUT_BEATS+1)-1:0] m_place;
  wire [$clog2(FRAMES+2)-1:0]    level;
  wire s_end, m_end;
  wire take = s_valid && s_ready;
  wire give = m_valid && accept;
  stream_holds #(.WIDTH(WIDTH)) i_holds (.clk, .rst_n, .valid(m_valid), .ready(accept), .data(m_data));
  place_order #(
    .WIDTH(WIDTH), .IN_BEATS(IN_BEATS), .OUT_BEATS(OUT_BEATS), .FRAMES(FRAMES), .ORIGINS(origins())
  ) i_places (
    .clk, .rst_n, .mark, .any_place, .take, .word_in(s_data), .give, .word_out(m_data),
    .place_q, .s_place, .m_place, .s_end, .m_end, .level
  );

  always_comb begin
    if (rst_n) begin
      fold_in_range:       assert (dut.fold_q < CF);
      s_phase_in_range:    assert (32'(dut.s_phase_q) < STRIDE);
      r_phase_in_range:    assert (32'(dut.r_phase_q) < STRIDE);
      phase_in_range:      assert (32'(dut.phase_q) < STRIDE);
      column_in_range:     assert (dut.column_q <= STRIDE * (IMG_W - 1));
      row_in_range:        assert (dut.row_q <= STRIDE * (IMG_H - 1));
      out_beat_in_range:   assert (dut.out_beat_q < COLUMNS * CF);
      out_row_in_range:    assert (dut.out_row_q < ROWS);
      out_phase_in_range:  assert (32'(dut.out_phase_q) < STRIDE);
    end
  end

  // What makes the proof inductive: the module's counters as functions of the reference's, what is in the FIFOs
  // as what has been taken and not been given, and where in them the watched beat is.
  // Frames that the input is ahead of the output; one behind while it brings the last, cropped beats.
  logic signed [7:0] lead_q;
  always_ff @(posedge clk) begin
    if (!rst_n) lead_q <= '0;
    else lead_q <= lead_q + 8'(take && s_end) - 8'(give && m_end);
  end

  // The output place of an input beat; OUT_BEATS where it is cropped.
  function automatic int unsigned kept_at(input int unsigned k);
    kept_at = OUT_BEATS;
    for (int unsigned place = 0; place < OUT_BEATS; place++) if (origin(place) == k) kept_at = place;
  endfunction

  function automatic int unsigned phase(input int unsigned place);
    return (place / CF / COLUMNS + CROP_N) % STRIDE;
  endfunction

  function automatic int unsigned taken_before(input int unsigned r, input int unsigned k);
    taken_before = 0;
    for (int unsigned i = 0; i < IN_BEATS; i++)
      if (i < k && kept_at(i) != OUT_BEATS && phase(kept_at(i)) == r) taken_before++;
  endfunction

  function automatic int unsigned given_before(input int unsigned r, input int unsigned k);
    given_before = 0;
    for (int unsigned i = 0; i < OUT_BEATS; i++) if (i < k && phase(i) == r) given_before++;
  endfunction

  // The module's counters are those of the beat behind the one at its input.
  wire [31:0] next_place = 32'(s_place) == IN_BEATS - 1 ? 0 : 32'(s_place) + 1;
  wire [IN_BEATS-1:0] kept;
  for (genvar k = 0; k < IN_BEATS; k++) begin : gen_kept
    localparam bit KEPT = kept_at(k) != OUT_BEATS;
    assign kept[k] = KEPT && 32'(s_place) == k;
  end

  always_comb begin
    if (rst_n && INVARIANTS) begin
      input_place: assert (
        next_place == ((dut.row_q / STRIDE * IMG_W + dut.column_q / STRIDE) * STRIDE * STRIDE
                         + dut.r_phase_q * STRIDE + dut.s_phase_q) * CF + dut.fold_q
        && dut.row_q % STRIDE == 0 && dut.column_q % STRIDE == 0
      );
      input_beat: assert (
        dut.keep_q == |kept && 32'(dut.phase_q) == 32'(s_place) / (STRIDE * CF) % STRIDE
        && dut.fold_last_q == (32'(dut.fold_q) == CF - 1)
      );
      output_place: assert (
        32'(m_place) == dut.out_row_q * COLUMNS * CF + dut.out_beat_q
        && 32'(dut.out_phase_q) == (32'(dut.out_row_q) + CROP_N) % STRIDE
      );
      lead_in_range: assert (lead_q >= -8'sd1 && lead_q <= $signed(8'(FRAMES)));
      one_place: assert ($onehot(place_q));
    end
  end

  typedef logic [7:0] number_t;
  wire [OUT_BEATS-1:0] gone;     // the place's beat has left in this output frame
  wire [OUT_BEATS-1:0] come;     // and has come in this input frame
  for (genvar place = 0; place < OUT_BEATS; place++) begin : gen_passed
    localparam int unsigned ORIGIN = origin(place);
    assign gone[place] = place_q[place] && 32'(m_place) > place;
    assign come[place] = place_q[place] && 32'(s_place) > ORIGIN;
  end
  always_comb if (rst_n && INVARIANTS) level_exact: assert (8'(level) + 8'(|gone) == lead_q + 8'(|come));

  for (genvar r = 0; r < STRIDE; r++) begin : gen_contents
    localparam int unsigned ALL = given_before(r, OUT_BEATS);  // beats of a frame
    localparam int unsigned DEPTH = r == 0 ? FIFO0_DEPTH : ROW_DEPTH != 0 ? ROW_DEPTH : COLUMNS * CF;
    localparam int unsigned PLACES = DEPTH > 4 ? DEPTH - 1 : 4;  // behind the FIFO's output register
    // Constants of each place, of which one is chosen: loops over calls would be unrolled.
    number_t [IN_BEATS:0]  taken_at;
    number_t [OUT_BEATS:0] given_at, mine_at;
    for (genvar k = 0; k <= IN_BEATS; k++) begin : gen_taken
      localparam number_t TAKEN = 8'(taken_before(r, k));
      assign taken_at[k] = 32'(s_place) == k ? TAKEN : '0;
    end
    for (genvar k = 0; k <= OUT_BEATS; k++) begin : gen_given
      localparam number_t GIVEN = 8'(given_before(r, k));
      assign given_at[k] = 32'(m_place) == k ? GIVEN : '0;
      assign mine_at[k] = k < OUT_BEATS && place_q[k % OUT_BEATS] ? GIVEN : '0;
    end
    number_t taken, given, mine, held;
    always_comb begin
      taken = '0;
      given = '0;
      mine  = '0;
      for (int k = 0; k <= IN_BEATS; k++) taken |= taken_at[k];
      for (int k = 0; k <= OUT_BEATS; k++) begin
        given |= given_at[k];
        mine  |= mine_at[k];
      end
    end
    wire here;                     // the watched place is of this phase
    wire [OUT_BEATS-1:0] of_phase;
    for (genvar k = 0; k < OUT_BEATS; k++) begin : gen_phase
      localparam bit SAME = phase(k) == r;
      assign of_phase[k] = SAME;
    end
    assign here = |(of_phase & place_q);
    assign held = taken - given + lead_q * 8'(ALL);
    // Beats of this FIFO that leave before the watched one.
    wire number_t ahead = mine - given + (8'(i_places.i_order.ahead_q) + 8'(|gone)) * 8'(ALL);
    wire b_full = dut.gen_fifo[r].i_fifo.genSRL.Vld;
    wire signed [7:0] tail = 8'(dut.gen_fifo[r].i_fifo.genSRL.Ptr);  // -1 where only the output register is full
    wire signed [7:0] slot = tail - $signed(ahead) + $signed(8'(b_full));
    logic [WIDTH-1:0] stored;
    always_comb begin
      stored = dut.gen_fifo[r].i_fifo.genSRL.B;
      for (int p = 0; p < PLACES; p++)
        if (!(b_full && ahead == '0) && slot == 8'(p)) stored = dut.gen_fifo[r].i_fifo.genSRL.A[p];
    end
    always_comb begin
      if (rst_n && INVARIANTS) begin
        fifo_pointer:  assert (tail >= -1 && tail < $signed(8'(PLACES)));
        fifo_ready:    assert (dut.gen_fifo[r].i_fifo.genSRL.Rdy == (tail < $signed(8'(PLACES - 1))));
        fifo_contents: assert (held == 8'(tail + 8'sd1) + 8'(b_full));
        watched_inside: assert (!(i_places.i_order.watched_q && here) || ahead < held);
        watched_ahead:  assert (!i_places.i_order.watched_q || i_places.i_order.ahead_q < level);
        watched_stored: assert (!(i_places.i_order.watched_q && here) || stored == i_places.i_order.word_q);
      end
    end
  end

  // It never waits for itself: within a FIFO's latency it takes a beat or has one to give.
  soon #(.LIMIT(2)) i_alive (.clk, .rst_n, .idle(!s_ready && !m_valid));

endmodule

`default_nettype wire
