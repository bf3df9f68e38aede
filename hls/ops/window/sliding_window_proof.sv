// SPDX-License-Identifier: Apache-2.0
// sliding_window: the beat at any one place of an output frame is that of the formula,
//   out[y, x, (u, v, beat)] = in[y*STRIDE_H + u*DILATION_H, x*STRIDE_W + v*DILATION_W, beat]
// frame after frame (place_order).
`default_nettype none

module sliding_window_proof #(
  parameter int unsigned WIDTH = 1,
  parameter int unsigned IMG_H = 2,
  parameter int unsigned IMG_W = 2,
  parameter int unsigned BEATS = 1,
  parameter int unsigned KERNEL_H = 1,
  parameter int unsigned KERNEL_W = 1,
  parameter int unsigned STRIDE_H = 1,
  parameter int unsigned STRIDE_W = 1,
  parameter int unsigned DILATION_H = 1,
  parameter int unsigned DILATION_W = 1,
  parameter int unsigned PLACES = 2,
  parameter int unsigned FRAMES = 2,     // no more than this many beats of one place are inside
  parameter bit          INVARIANTS = 1  // 0: the contract alone
) (
  input wire             clk,
  input wire             reset_n,
  input wire             offer, accept, mark,
  input wire [WIDTH-1:0] beat,
  input wire [7:0]       any_place
);

  localparam int unsigned ROWS = (IMG_H - (KERNEL_H - 1) * DILATION_H - 1) / STRIDE_H + 1;
  localparam int unsigned COLUMNS = (IMG_W - (KERNEL_W - 1) * DILATION_W - 1) / STRIDE_W + 1;
  localparam int unsigned IN_BEATS = IMG_H * IMG_W * BEATS;
  localparam int unsigned OUT_BEATS = ROWS * COLUMNS * KERNEL_H * KERNEL_W * BEATS;

  wire rst_n;
  first_reset i_reset (.clk, .reset_n, .rst_n);

  wire [WIDTH-1:0] s_data, m_data;
  wire             s_valid, s_ready, m_valid;

  stream_source #(.WIDTH(WIDTH)) i_source (
    .clk, .rst_n, .offer, .beat, .valid(s_valid), .ready(s_ready), .data(s_data)
  );

  sliding_window #(
    .WIDTH(WIDTH), .IMG_H(IMG_H), .IMG_W(IMG_W), .BEATS(BEATS), .KERNEL_H(KERNEL_H), .KERNEL_W(KERNEL_W),
    .STRIDE_H(STRIDE_H), .STRIDE_W(STRIDE_W), .DILATION_H(DILATION_H), .DILATION_W(DILATION_W), .PLACES(PLACES)
  ) dut (
    .ap_clk(clk), .ap_rst_n(rst_n),
    .s_axis_tdata(s_data), .s_axis_tvalid(s_valid), .s_axis_tready(s_ready),
    .m_axis_tdata(m_data), .m_axis_tvalid(m_valid), .m_axis_tready(accept)
  );

  // For each place of the output the place of its beat in the input.
  function automatic int unsigned origin(input int unsigned place);
    automatic int unsigned b = place % BEATS;
    automatic int unsigned v = place / BEATS % KERNEL_W;
    automatic int unsigned u = place / BEATS / KERNEL_W % KERNEL_H;
    automatic int unsigned x = place / BEATS / KERNEL_W / KERNEL_H % COLUMNS;
    automatic int unsigned y = place / BEATS / KERNEL_W / KERNEL_H / COLUMNS;
    return ((y * STRIDE_H + u * DILATION_H) * IMG_W + x * STRIDE_W + v * DILATION_W) * BEATS + b;
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

  // It never stands still: with nothing left to give it takes a beat, or gives one.
  always_comb begin
    if (rst_n) begin
      no_deadlock: assert (s_ready || m_valid || dut.fetch);
      one_place: assert ($onehot(place_q));
    end
  end

  // What helps the proof: the module's registers as functions of the places of what is taken and fetched.
  wire [$clog2(OUT_BEATS+1)-1:0] f_place;
  wire [$clog2(PLACES+1)-1:0]    w_place;
  wire f_end, w_end;
  modulo #(.PERIOD(OUT_BEATS)) i_fetch (.clk, .rst_n, .step(dut.fetch), .last(f_end), .count(f_place));
  modulo #(.PERIOD(PLACES)) i_write (.clk, .rst_n, .step(take), .last(w_end), .count(w_place));

  logic signed [3:0] lead_q;  // frames that the input is ahead of what is fetched
  always_ff @(posedge clk) begin
    if (!rst_n) lead_q <= '0;
    else lead_q <= lead_q + 4'(take && s_end) - 4'(dut.fetch && f_end);
  end

  localparam int unsigned WINDOW = KERNEL_H * KERNEL_W * BEATS;

  function automatic int unsigned fetched_at(input int unsigned k);  // of the input
    fetched_at = 0;
    for (int unsigned i = 0; i < OUT_BEATS; i++) if (k == i) fetched_at = origin(i);
  endfunction

  // The first element of the input that is still needed once the element before place k has been fetched.
  function automatic int unsigned needed_at(input int unsigned k);
    needed_at = 0;
    for (int unsigned i = 0; i < OUT_BEATS; i++) if (k == i) begin
      if (i % WINDOW == 0)                  needed_at = origin(i);
      else if (i / WINDOW == OUT_BEATS / WINDOW - 1) needed_at = IN_BEATS;
      else                                  needed_at = origin((i / WINDOW + 1) * WINDOW);
    end
  endfunction

  // Which counters stand at their last when place k is the next but one.
  function automatic logic [4:0] ends_at(input int unsigned k);
    ends_at = '0;
    for (int unsigned i = 0; i < OUT_BEATS; i++) if (k == i) ends_at = {
      1'(i / WINDOW / COLUMNS == ROWS - 1), 1'(i / WINDOW % COLUMNS == COLUMNS - 1),
      1'(i / BEATS / KERNEL_W % KERNEL_H == KERNEL_H - 1), 1'(i / BEATS % KERNEL_W == KERNEL_W - 1),
      1'(i % BEATS == BEATS - 1)
    };
  endfunction

  wire signed [15:0] newest = 16'(lead_q) * 16'(IN_BEATS) + $signed(16'(s_place)) - 16'sd1;
  wire signed [15:0] there = newest - $signed(16'(fetched_at(32'(f_place))));
  wire signed [15:0] needed = newest - $signed(16'(needed_at(32'(f_place))));
  wire signed [15:0] places = $signed(16'(PLACES));
  wire [4:0] ends = ends_at(32'(f_place));

  always_comb begin
    if (rst_n && INVARIANTS) begin
      lead_in_range:     assert (lead_q >= -4'sd1 && lead_q <= $signed(4'(FRAMES)));
      fetch_place:       assert (32'(f_place) == (32'(m_place) + 32'(m_valid)) % OUT_BEATS);
      there_follows:     assert (16'(dut.there_q) == there);
      room_fetch:        assert (16'(dut.room_fetch_q) == places - 16'sd2 - there);
      room_window:       assert (16'(dut.room_window_q) == places - 16'sd2 - needed);
      ends_follow:       assert (dut.ends_q == ends_at(f_end ? 0 : 32'(f_place) + 1));
      first_follows:     assert (dut.first_q == (32'(f_place) % WINDOW == 0));
      coming_follows:    assert (dut.coming_first_q == ((32'(f_place) + 1) % WINDOW == 0));
      row_ends_follow:   assert (dut.row_ends_q == ends[3] && dut.frame_ends_q == (ends[3] && ends[4]));
      write_follows:     assert (32'(dut.write_q) == 32'(w_place));
      read_follows:      assert ((16'(dut.read_q) + there + 16'sd1 + 16'sd8 * places) % places == $signed(16'(w_place)));
      step_follows:      assert (
        dut.step_q == (!ends[0] ? 3'd0 : !ends[1] ? 3'd1 : !ends[2] ? 3'd2 : !ends[3] ? 3'd3 : !ends[4] ? 3'd4 : 3'd5)
      );
    end
  end

endmodule

`default_nettype wire
