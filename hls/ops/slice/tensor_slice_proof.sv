// SPDX-License-Identifier: Apache-2.0
// tensor_slice as a queue of one place over the beats within the box; where a beat belongs is told by one count of
// the frame's beats.
`default_nettype none

module tensor_slice_proof #(
  parameter int unsigned WIDTH = 1,
  parameter int unsigned IMG_H = 2,
  parameter int unsigned IMG_W = 2,
  parameter int unsigned FOLDS = 1,
  parameter int unsigned FIRST = 0,
  parameter int unsigned LAST = FOLDS,
  parameter int unsigned CROP_N = 0,
  parameter int unsigned CROP_E = 0,
  parameter int unsigned CROP_S = 0,
  parameter int unsigned CROP_W = 0
) (
  input wire             clk,
  input wire             reset_n,
  input wire             offer, accept, mark,
  input wire [WIDTH-1:0] beat
);

  localparam int unsigned BEATS = IMG_H * IMG_W * FOLDS;

  wire rst_n;
  first_reset i_reset (.clk, .reset_n, .rst_n);

  wire [WIDTH-1:0] s_data, m_data;
  wire             s_valid, s_ready, m_valid;

  stream_source #(.WIDTH(WIDTH)) i_source (
    .clk, .rst_n, .offer, .beat, .valid(s_valid), .ready(s_ready), .data(s_data)
  );

  tensor_slice #(
    .WIDTH(WIDTH), .IMG_H(IMG_H), .IMG_W(IMG_W), .FOLDS(FOLDS), .FIRST(FIRST), .LAST(LAST),
    .CROP_N(CROP_N), .CROP_E(CROP_E), .CROP_S(CROP_S), .CROP_W(CROP_W)
  ) dut (
    .ap_clk(clk), .ap_rst_n(rst_n),
    .s_axis_tdata(s_data), .s_axis_tvalid(s_valid), .s_axis_tready(s_ready),
    .m_axis_tdata(m_data), .m_axis_tvalid(m_valid), .m_axis_tready(accept)
  );

  function automatic bit inside_box(input int unsigned k);
    automatic int unsigned f = k % FOLDS;
    automatic int unsigned x = k / FOLDS % IMG_W;
    automatic int unsigned y = k / FOLDS / IMG_W;
    return f >= FIRST && f < LAST && x >= CROP_W && x + CROP_E < IMG_W && y >= CROP_N && y + CROP_S < IMG_H;
  endfunction

  wire take = s_valid && s_ready;
  wire [$clog2(BEATS+1)-1:0] place;
  wire unused_end;
  modulo #(.PERIOD(BEATS)) i_place (.clk, .rst_n, .step(take), .last(unused_end), .count(place));

  wire [BEATS-1:0] kept;
  for (genvar k = 0; k < BEATS; k++) begin : gen_place
    localparam bit INSIDE = inside_box(k);
    assign kept[k] = INSIDE && 32'(place) == k;
  end

  wire [1:0] level;
  stream_holds #(.WIDTH(WIDTH)) i_holds (.clk, .rst_n, .valid(m_valid), .ready(accept), .data(m_data));
  stream_order #(.WIDTH(WIDTH), .CAPACITY(1)) i_order (
    .clk, .rst_n, .mark, .level,
    .enters(take && |kept), .word_in(s_data), .leaves(m_valid && accept), .word_out(m_data)
  );

  // A beat outside the box never waits.
  soon i_gives (.clk, .rst_n, .idle(level != '0 && !m_valid));
  soon i_takes (.clk, .rst_n, .idle(!s_ready && !(m_valid && !accept && |kept)));

endmodule

`default_nettype wire
