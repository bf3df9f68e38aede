// SPDX-License-Identifier: Apache-2.0
// pyramid_halve: the cell at any one place of an output row is the mean of the sound ones of its four pixels, row after
// row. The place is drawn at reset, from free inputs; the cells at that place are a queue, over which the rows'
// order is shown as for any stream. As every place has its cell and each cell that leaves is counted, none is
// lost, doubled or moved. Frames do not come in: there is no end of one.
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
  logic [2:0][4*BITS-1:0] pixels_q;
  wire  [3:0][4*BITS-1:0] pixels = {s_data, pixels_q};
  always_ff @(posedge clk) begin
    for (int k = 0; k < 3; k++) if (take && corner[k]) pixels_q[k] <= s_data;
  end

  function automatic logic [BITS+1:0] sum_of(input logic [3:0][4*BITS-1:0] given, input int c, input int most);
    sum_of = '0;
    for (int k = 0; k < 4; k++) if (k < most && !given[k][4*BITS-1]) sum_of += (BITS+2)'(given[k][BITS*c +: BITS]);
  endfunction

  function automatic logic [2:0] sound_of(input logic [3:0][4*BITS-1:0] given, input int most);
    sound_of = '0;
    for (int k = 0; k < 4; k++) if (k < most) sound_of += 3'(!given[k][4*BITS-1]);
  endfunction

  wire [2:0]        sound = sound_of(pixels, 4);
  wire [4*BITS-1:0] mean;
  assign mean[3*BITS +: BITS] = sound == '0 ? '1 : '0;
  for (genvar c = 0; c < 3; c++) begin : gen_mean
    wire [BITS+2:0] twice = {sum_of(pixels, c, 4), 1'b0};  // half a pixel rounds up
    logic [BITS+2:0] mean_c;
    always_comb begin
      unique case (sound)
        3'd0:    mean_c = 1 << (BITS - 1);
        3'd1:    mean_c = (twice + 1) / 2;
        3'd2:    mean_c = (twice + 2) / 4;
        3'd3:    mean_c = (twice + 3) / 6;
        default: mean_c = (twice + 4) / 8;
      endcase
    end
    assign mean[BITS*c +: BITS] = BITS'(mean_c);
  end

  wire [1:0] level;
  stream_holds #(.WIDTH(4*BITS)) i_holds (.clk, .rst_n, .valid(m_valid), .ready(accept), .data(m_data));
  stream_order #(.WIDTH(4*BITS), .CAPACITY(1)) i_order (
    .clk, .rst_n, .mark, .level,
    .enters(take && corner[3]), .word_in(mean), .leaves(give && |m_here), .word_out(m_data)
  );

  always_comb begin
    if (rst_n) cell_in_range: assert (32'(dut.cell_q) < CELLS);
  end

  // What makes the proof inductive: the module's counters as functions of the reference's, and its sums as those of
  // the watched cell's pixels.
  always_comb begin
    if (rst_n && INVARIANTS) begin
      one_place:    assert ($onehot(place_q));
      input_place:  assert (32'(s_place) == 32'(dut.lower_q) * IMG_W + 2 * 32'(dut.cell_q) + 32'(dut.right_q));
      output_place: assert (
        32'(m_place) < CELLS
        && (32'(m_place) + 32'(m_valid)) % CELLS == (dut.lower_q ? 32'(dut.cell_q) : 0)
      );
      level_exact:    assert (level == 2'(m_valid && |m_here));
      watched_inside: assert (!i_order.watched_q || level == 2'd1 && i_order.ahead_q == '0);
      watched_held:   assert (!i_order.watched_q || m_data == i_order.word_q);
    end
  end

  for (genvar place = 0; place < CELLS; place++) begin : gen_sums
    wire upper = place_q[place] && 32'(s_place) >= 2 * place + 2 && 32'(s_place) < IMG_W + 2 * place + 2;
    wire held  = place_q[place] && 32'(dut.cell_q) == place && dut.right_q;
    always_comb begin
      if (rst_n && INVARIANTS) begin
        upper_sound: assert (!upper || dut.upper_q[place][3*BITS+3 +: 2] == 2'(sound_of(pixels, 2)));
        held_sound:  assert (!held || dut.n_q == 2'(sound_of(pixels, dut.lower_q ? 3 : 1)));
      end
    end
    for (genvar c = 0; c < 3; c++) begin : gen_colour
      always_comb begin
        if (rst_n && INVARIANTS) begin
          upper_sum: assert (!upper || dut.upper_q[place][(BITS+1)*c +: BITS+1] == (BITS+1)'(sum_of(pixels, c, 2)));
          held_sum:  assert (!held || dut.sums_q[c] == sum_of(pixels, c, dut.lower_q ? 3 : 1));
        end
      end
    end
  end

  // It never waits for itself, nor a cell for more than its last pixel.
  soon i_gives (.clk, .rst_n, .idle(level != '0 && !m_valid));
  soon i_takes (.clk, .rst_n, .idle(!s_ready && !(m_valid && !accept)));

endmodule

`default_nettype wire
