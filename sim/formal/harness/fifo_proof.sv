// SPDX-License-Identifier: Apache-2.0
// FINN's fifo, as pixel_shuffle and the stitched top use it, as a queue of at least DEPTH places.
`default_nettype none

module fifo_proof #(
  parameter int unsigned WIDTH = 1,
  parameter int unsigned DEPTH = 2,
  parameter int unsigned PLACES = 5,   // that it has, since it rounds up
  parameter              RAM_STYLE = "auto"
) (
  input wire             clk,
  input wire             reset_n,
  input wire             offer, accept, mark,
  input wire [WIDTH-1:0] beat
);

  wire rst_n;
  first_reset i_reset (.clk, .reset_n, .rst_n);

  wire [WIDTH-1:0] s_data, m_data;
  wire             s_valid, s_ready, m_valid;
  wire [$clog2(PLACES+2)-1:0] level;
  wire [$clog2(DEPTH+1):0] count;

  stream_source #(.WIDTH(WIDTH)) i_source (
    .clk, .rst_n, .offer, .beat, .valid(s_valid), .ready(s_ready), .data(s_data)
  );

  fifo #(.DEPTH(DEPTH), .DATA_WIDTH(WIDTH), .RAM_STYLE(RAM_STYLE)) dut (
    .clk, .rst(!rst_n), .idat(s_data), .ivld(s_valid), .irdy(s_ready),
    .odat(m_data), .ovld(m_valid), .ordy(accept), .count, .maxcount()
  );

  stream_holds #(.WIDTH(WIDTH)) i_holds (.clk, .rst_n, .valid(m_valid), .ready(accept), .data(m_data));

  stream_order #(.WIDTH(WIDTH), .CAPACITY(PLACES)) i_order (
    .clk, .rst_n, .mark, .level,
    .enters(s_valid && s_ready), .word_in(s_data), .leaves(m_valid && accept), .word_out(m_data)
  );

  always_comb begin
    if (rst_n) begin
      count_exact: assert (32'(count) == 32'(level));
      holds_depth: assert (s_ready || level >= DEPTH - 1);
    end
  end

  // What induction needs to know of the pointers' style: where the words lie.
  if (RAM_STYLE == "distributed" && DEPTH > 33) begin : gen_distributed
    localparam int unsigned MEMORY = DEPTH - 1;  // and a register behind it
    localparam int unsigned ADDRESS = $clog2(MEMORY);
    wire signed [31:0] fill = 32'(dut.genDist.Fill);      // less the words in memory
    wire signed [31:0] credit = 32'(dut.genDist.Credit);  // less its free places
    wire               last = dut.genDist.Vld;            // a word is in the register
    wire [ADDRESS-1:0] at = dut.genDist.RdPtr + ADDRESS'(i_order.ahead_q) - ADDRESS'(last);

    always_comb begin
      if (rst_n) begin
        fill_in_range:  assert (fill <= 0 && fill >= -int'(MEMORY));
        credit_exact:   assert (credit == -int'(MEMORY) - fill);
        pointers_exact: assert (dut.genDist.RdPtr - dut.genDist.WrPtr == ADDRESS'(fill));
        level_exact:    assert (int'(level) == int'(last) - fill);
        watched_inside: assert (!i_order.watched_q || i_order.ahead_q < level);
        watched_stored: assert (!i_order.watched_q || (last && i_order.ahead_q == '0)
                                || dut.genDist.Mem[at] == i_order.word_q);
        watched_last:   assert (!(i_order.watched_q && last && i_order.ahead_q == '0)
                                || dut.genDist.B == i_order.word_q);
      end
    end
  end

  soon #(.LIMIT(2)) i_gives (.clk, .rst_n, .idle(level != '0 && !m_valid));
  soon #(.LIMIT(2)) i_takes (.clk, .rst_n, .idle(level < DEPTH && !s_ready));

endmodule

`default_nettype wire
