// SPDX-License-Identifier: Apache-2.0
// pyramid_relax: the pixel at any one place of an output frame is the one that came there or, where that is broken, the
// weighted sum that the formula says, of seven pixels as they came and six as they left,
//   (8*(N+W+E+S) - 2*(NW+NE+SW+SE) - (NN+WW+EE+SS) - 4*o + 8) / 16    within a colour
// frame after frame. The place is drawn at reset, from free inputs. When its pixel appears at the output, all of
// its neighbours have come or left, and nothing of the next frame has come. As every place has its pixel, and each
// pixel that leaves is counted, none is lost, doubled or moved. Pixels are taken and given exactly when the operator's
// README.md says so, which the timing model rests on.
`default_nettype none

module pyramid_relax_proof #(
  parameter int unsigned IMG_H = 1,
  parameter int unsigned IMG_W = 6,
  parameter bit          KEEP_FLAG = 0,
  parameter bit          BLOCK_RAM = 0,
  parameter int unsigned BITS = 1
) (
  input wire              clk,
  input wire              reset_n,
  input wire              offer, accept,
  input wire [4*BITS-1:0] beat,
  input wire [7:0]        any_place
);

  localparam int unsigned PIXELS = IMG_H * IMG_W;
  localparam int unsigned LAG = 2 * IMG_W + 3;
  localparam int unsigned OUT = (KEEP_FLAG ? 4 : 3) * BITS;
  localparam int unsigned CAME = 7;  // neighbours as they came, the pixel itself the first
  localparam int unsigned LEFT = 6;  // as they left

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

  //- Neighbours --------------------------------------------------------------
  // As they came: the pixel, E, EE, S, SW, SE, SS. As they left: W, WW, N, NW, NE, NN. In a first row all above is
  // the pixel itself, which came.
  function automatic int down_of(input bit left, input int unsigned k);
    if (left) return k < 2 ? 0 : k < 5 ? -1 : -2;
    return k < 3 ? 0 : k < 6 ? 1 : 2;
  endfunction

  function automatic int right_of(input bit left, input int unsigned k);
    if (left) case (k) 0, 3: return -1; 1: return -2; 4: return 1; default: return 0; endcase
    case (k) 1, 5: return 1; 2: return 2; 4: return -1; default: return 0; endcase
  endfunction

  function automatic int clamped(input int value, input int count);
    return value < 0 ? 0 : value >= count ? count - 1 : value;
  endfunction

  // Where neighbour k of a place is, within the frame.
  function automatic int unsigned at(input int unsigned place, input bit left, input int unsigned k);
    return clamped(int'(place / IMG_W) + down_of(left, k), IMG_H) * IMG_W
           + clamped(int'(place % IMG_W) + right_of(left, k), IMG_W);
  endfunction

  logic [PIXELS-1:0] place_q;  // one hot
  always_ff @(posedge clk) begin
    if (!rst_n) place_q <= PIXELS'(1) << (32'(any_place) < PIXELS ? any_place : 8'd0);
  end

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

  wire [PIXELS-1:0]           y_here;
  wire [PIXELS-1:0][CAME-1:0] came_here;
  wire [PIXELS-1:0][LEFT-1:0] left_here;
  wire [PIXELS-1:0]           in_first_row, in_first_column;
  for (genvar place = 0; place < PIXELS; place++) begin : gen_place
    for (genvar k = 0; k < CAME; k++) begin : gen_came
      localparam int unsigned AT = at(place, 0, k);
      assign came_here[place][k] = place_q[place] && 32'(x_place) == AT;
    end
    for (genvar k = 0; k < LEFT; k++) begin : gen_left
      localparam int unsigned AT = at(place, 1, k);
      assign left_here[place][k] = place_q[place] && 32'(y_place) == AT;
    end
    assign y_here[place] = place_q[place] && 32'(y_place) == place;
    assign in_first_row[place] = place_q[place] && place < IMG_W;
    assign in_first_column[place] = place_q[place] && place % IMG_W == 0;
  end
  logic [CAME-1:0] coming;
  logic [LEFT-1:0] leaving;
  always_comb begin
    coming = '0;
    leaving = '0;
    for (int place = 0; place < PIXELS; place++) begin
      coming |= came_here[place];
      leaving |= left_here[place];
    end
  end

  logic [CAME-1:0][4*BITS-1:0] came_q;
  logic [LEFT-1:0][3*BITS-1:0] left_q;
  always_ff @(posedge clk) begin
    for (int k = 0; k < CAME; k++) if (take && coming[k]) came_q[k] <= x;
    for (int k = 0; k < LEFT; k++) if (give && leaving[k]) left_q[k] <= y[3*BITS-1:0];
  end

  //- What is to leave --------------------------------------------------------
  // Above the first row is that row as it came, two above the second one too; left of the first pixel is that
  // itself, as it came. Beyond the other borders is the last one, which `at` says.
  wire first_row    = |in_first_row;
  wire first_column = |in_first_column;
  wire [4*BITS-1:0] pixel = came_q[0];
  wire [4*BITS-1:0] word;
  assign word[3*BITS +: BITS] = pixel[3*BITS +: BITS];

  // In the first row NW and NE are neighbours that came, and in the second one NN is.
  logic [2:0][4*BITS-1:0] above_q;  // NW, NE, NN
  wire [PIXELS-1:0][2:0] above_here;
  wire [PIXELS-1:0]      in_second_row;
  for (genvar place = 0; place < PIXELS; place++) begin : gen_above
    localparam int unsigned NW = at(place, 1, 3);
    localparam int unsigned NE = at(place, 1, 4);
    localparam int unsigned NN = at(place, 1, 5);
    assign above_here[place] = place_q[place] ? {32'(x_place) == NN, 32'(x_place) == NE, 32'(x_place) == NW} : '0;
    assign in_second_row[place] = place_q[place] && place / IMG_W == 1;
  end
  wire second_row = |in_second_row;
  logic [2:0] above;
  always_comb begin
    above = '0;
    for (int place = 0; place < PIXELS; place++) above |= above_here[place];
  end
  always_ff @(posedge clk) begin
    for (int k = 0; k < 3; k++) if (take && above[k]) above_q[k] <= x;
  end

  for (genvar c = 0; c < 3; c++) begin : gen_word
    wire signed [BITS+7:0] o  = (BITS+8)'(pixel[BITS*c +: BITS]);
    wire signed [BITS+7:0] e  = (BITS+8)'(came_q[1][BITS*c +: BITS]);
    wire signed [BITS+7:0] ee = (BITS+8)'(came_q[2][BITS*c +: BITS]);
    wire signed [BITS+7:0] s  = (BITS+8)'(came_q[3][BITS*c +: BITS]);
    wire signed [BITS+7:0] sw = (BITS+8)'(came_q[4][BITS*c +: BITS]);
    wire signed [BITS+7:0] se = (BITS+8)'(came_q[5][BITS*c +: BITS]);
    wire signed [BITS+7:0] ss = (BITS+8)'(came_q[6][BITS*c +: BITS]);
    wire signed [BITS+7:0] w  = first_column ? o : (BITS+8)'(left_q[0][BITS*c +: BITS]);
    wire signed [BITS+7:0] ww = first_column ? o : (BITS+8)'(left_q[1][BITS*c +: BITS]);
    wire signed [BITS+7:0] n  = first_row ? o : (BITS+8)'(left_q[2][BITS*c +: BITS]);
    wire signed [BITS+7:0] nw = (BITS+8)'(first_row ? above_q[0][BITS*c +: BITS] : left_q[3][BITS*c +: BITS]);
    wire signed [BITS+7:0] ne = (BITS+8)'(first_row ? above_q[1][BITS*c +: BITS] : left_q[4][BITS*c +: BITS]);
    wire signed [BITS+7:0] nn = (BITS+8)'(first_row || second_row ? above_q[2][BITS*c +: BITS]
                                                                  : left_q[5][BITS*c +: BITS]);
    wire signed [BITS+7:0] sum = 8 * (n + w + e + s) - 2 * (nw + ne + sw + se) - (nn + ww + ee + ss) - 4 * o + 8;
    wire signed [BITS+7:0] moved = sum >>> 4;
    assign word[BITS*c +: BITS] = !pixel[4*BITS-1] ? pixel[BITS*c +: BITS]
                                : moved < 0 ? '0 : moved >= (1 << BITS) ? '1 : BITS'(moved);
  end

  stream_holds #(.WIDTH(OUT)) i_holds (.clk, .rst_n, .valid, .ready(accept), .data(y));

  // Pixels of the frame that have come, and that have appeared at the output.
  wire [31:0] came = 32'(x_place) + (lead_q > 0 ? PIXELS : 0);
  wire [31:0] left = 32'(y_place) + 32'(valid);
  always_comb begin
    if (rst_n) begin
      if (fresh && |y_here) as_the_formula_says: assert (y == word[OUT-1:0]);
      if (fresh) in_time: assert (came == (left + LAG < PIXELS ? left + LAG : PIXELS));
      one_frame_ahead: assert (lead_q == 0 || lead_q == 1);
    end
  end

  // It never waits for itself.
  soon #(.LIMIT(LAG)) i_gives (.clk, .rst_n, .idle(lead_q > 0 && !valid));
  soon #(.LIMIT(LAG)) i_takes (.clk, .rst_n, .idle(!x_ready && !(valid && !accept)));

endmodule

`default_nettype wire
