// SPDX-License-Identifier: Apache-2.0
// channel_concat as a queue of one place over the beats of all inputs, each taken in its turn: of every pixel the
// beats of input 0, then those of input 1, and so on.
`default_nettype none

module channel_concat_proof #(
  parameter int unsigned WIDTH = 1,
  parameter int unsigned INPUTS = 2,
  parameter int unsigned BEATS_0 = 1,   // of a pixel, of each input
  parameter int unsigned BEATS_1 = 1,
  parameter int unsigned BEATS_2 = 1,
  parameter int unsigned BEATS_3 = 1
) (
  input wire                           clk,
  input wire                           reset_n,
  input wire                           accept, mark,
  input wire [INPUTS-1:0]              offer,
  input wire [INPUTS-1:0][WIDTH-1:0]   beat
);

  localparam bit [3:0][15:0] ALL = {16'(BEATS_3), 16'(BEATS_2), 16'(BEATS_1), 16'(BEATS_0)};
  localparam bit [INPUTS-1:0][15:0] BEATS = ALL[INPUTS-1:0];

  wire rst_n;
  first_reset i_reset (.clk, .reset_n, .rst_n);

  wire [INPUTS-1:0][WIDTH-1:0] s_data;
  wire [INPUTS-1:0]            s_valid, s_ready;
  wire [WIDTH-1:0]             m_data;
  wire                         m_valid;

  for (genvar i = 0; i < INPUTS; i++) begin : gen_source
    stream_source #(.WIDTH(WIDTH)) i_source (
      .clk, .rst_n, .offer(offer[i]), .beat(beat[i]), .valid(s_valid[i]), .ready(s_ready[i]), .data(s_data[i])
    );
  end

  channel_concat #(.WIDTH(WIDTH), .INPUTS(INPUTS), .BEATS(BEATS)) dut (
    .ap_clk(clk), .ap_rst_n(rst_n),
    .s_axis_tdata(s_data), .s_axis_tvalid(s_valid), .s_axis_tready(s_ready),
    .m_axis_tdata(m_data), .m_axis_tvalid(m_valid), .m_axis_tready(accept)
  );

  // Beats of a pixel before those of input i.
  function automatic int unsigned start(input int unsigned i);
    start = 0;
    for (int unsigned n = 0; n < INPUTS; n++) if (n < i) start += 32'(BEATS[n]);
  endfunction

  localparam int unsigned PIXEL = start(INPUTS);

  wire [INPUTS-1:0] take = s_valid & s_ready;
  wire [$clog2(PIXEL+1)-1:0] place;
  wire unused_end;
  modulo #(.PERIOD(PIXEL)) i_place (.clk, .rst_n, .step(|take), .last(unused_end), .count(place));

  wire [INPUTS-1:0] due;
  for (genvar i = 0; i < INPUTS; i++) begin : gen_turn
    localparam int unsigned FROM = start(i), UNTIL = start(i + 1);
    assign due[i] = 32'(place) >= FROM && 32'(place) < UNTIL;
    always_comb if (rst_n) in_turn: assert (!take[i] || due[i]);
  end

  logic [WIDTH-1:0] taken;
  always_comb begin
    taken = '0;
    for (int i = 0; i < INPUTS; i++) if (due[i]) taken |= s_data[i];
  end

  wire [1:0] level;
  stream_holds #(.WIDTH(WIDTH)) i_holds (.clk, .rst_n, .valid(m_valid), .ready(accept), .data(m_data));
  stream_order #(.WIDTH(WIDTH), .CAPACITY(1)) i_order (
    .clk, .rst_n, .mark, .level,
    .enters(|take), .word_in(taken), .leaves(m_valid && accept), .word_out(m_data)
  );

  always_comb if (rst_n) one_at_a_time: assert ($onehot0(take));

  soon i_gives (.clk, .rst_n, .idle(level != '0 && !m_valid));
  soon i_takes (.clk, .rst_n, .idle(|(s_valid & due) && take == '0 && !(m_valid && !accept)));

endmodule

`default_nettype wire
