// SPDX-License-Identifier: Apache-2.0
// stream_width: byte k of what comes is byte k of what leaves. A period is the fewest bytes that are whole beats on
// both sides, and all that a frame must consist of; the byte at any one place of it, drawn at reset, is a queue.
// TLAST is the byte's ninth bit: it may be on the last input beat of a period, as that alone can end a frame.
`default_nettype none

module stream_width_proof #(
  parameter int unsigned S_BYTES = 4,
  parameter int unsigned M_BYTES = 3,
  parameter int unsigned PERIODS = 3   // no more than this many bytes of one place are inside
) (
  input wire                 clk,
  input wire                 reset_n,
  input wire                 offer, last, accept, mark,
  input wire [8*S_BYTES-1:0] beat,
  input wire [4:0]           any_place
);

  function automatic int unsigned common(input int unsigned a, input int unsigned b);
    automatic int unsigned multiple = a;
    while (multiple % b != 0) multiple += a;
    return multiple;
  endfunction

  localparam int unsigned PERIOD = common(S_BYTES, M_BYTES);

  wire rst_n;
  first_reset i_reset (.clk, .reset_n, .rst_n);

  wire [8*S_BYTES-1:0] s_data;
  wire [8*M_BYTES-1:0] m_data;
  wire                 s_valid, s_ready, s_may_last, s_last, m_valid, m_last;
  wire                 s_end, m_end;

  assign s_last = s_may_last && s_end;

  stream_source #(.WIDTH(8*S_BYTES + 1)) i_source (
    .clk, .rst_n, .offer, .beat({last, beat}), .valid(s_valid), .ready(s_ready), .data({s_may_last, s_data})
  );

  stream_width #(.S_BYTES(S_BYTES), .M_BYTES(M_BYTES)) dut (
    .ap_clk(clk), .ap_rst_n(rst_n),
    .s_axis_tdata(s_data), .s_axis_tvalid(s_valid), .s_axis_tready(s_ready), .s_axis_tlast(s_last),
    .m_axis_tdata(m_data), .m_axis_tvalid(m_valid), .m_axis_tready(accept), .m_axis_tlast(m_last)
  );

  logic [PERIOD-1:0] place_q;  // one hot
  always_ff @(posedge clk) begin
    if (!rst_n) place_q <= PERIOD'(1) << (32'(any_place) < PERIOD ? any_place : 5'd0);
  end

  wire take = s_valid && s_ready;
  wire give = m_valid && accept;
  wire [$clog2(PERIOD/S_BYTES+1)-1:0] s_beat;
  wire [$clog2(PERIOD/M_BYTES+1)-1:0] m_beat;
  modulo #(.PERIOD(PERIOD / S_BYTES)) i_in (.clk, .rst_n, .step(take), .last(s_end), .count(s_beat));
  modulo #(.PERIOD(PERIOD / M_BYTES)) i_out (.clk, .rst_n, .step(give), .last(m_end), .count(m_beat));

  wire [PERIOD-1:0] s_here, m_here;
  logic [7:0] s_byte, m_byte;
  for (genvar place = 0; place < PERIOD; place++) begin : gen_place
    assign s_here[place] = place_q[place] && 32'(s_beat) == place / S_BYTES;
    assign m_here[place] = place_q[place] && 32'(m_beat) == place / M_BYTES;
  end
  always_comb begin
    s_byte = '0;
    m_byte = '0;
    for (int unsigned place = 0; place < PERIOD; place++) begin
      if (s_here[place]) s_byte = s_data[8 * (place % S_BYTES) +: 8];
      if (m_here[place]) m_byte = m_data[8 * (place % M_BYTES) +: 8];
    end
  end

  wire [$clog2(PERIODS+2)-1:0] level;
  stream_holds #(.WIDTH(8*M_BYTES + 1)) i_holds (
    .clk, .rst_n, .valid(m_valid), .ready(accept), .data({m_last, m_data})
  );
  // The period's last byte carries TLAST on both sides.
  stream_order #(.WIDTH(9), .CAPACITY(PERIODS)) i_order (
    .clk, .rst_n, .mark, .level,
    .enters(take && |s_here), .word_in({s_last && place_q[PERIOD-1], s_byte}),
    .leaves(give && |m_here), .word_out({m_last && place_q[PERIOD-1], m_byte})
  );

  always_comb begin
    if (rst_n) begin
      last_only_at_end: assert (!(m_valid && m_last) || m_end);
      level_in_range:   assert (32'(dut.level_q) <= dut.DEPTH);
    end
  end

  // It never waits for itself, nor for more input than one output beat lacks.
  soon i_alive (.clk, .rst_n, .idle(!s_ready && !m_valid));

endmodule

`default_nettype wire
