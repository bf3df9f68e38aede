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

  // The same of block RAM, whose memory may be two: a larger one, and a smaller one for what is beyond it.
  if (RAM_STYLE == "block" && DEPTH > 33) begin : gen_block
    localparam int unsigned PIPE = 2;           // read registers, all of which wait for the output
    localparam int unsigned MEMORY = PLACES - PIPE - 1;
    localparam int unsigned WHOLE = $clog2(MEMORY);
    localparam int unsigned LOW = WHOLE > 9 && 2**WHOLE != MEMORY ? WHOLE - 1 : WHOLE;
    localparam int unsigned HIGH = MEMORY > 2**LOW ? $clog2(MEMORY - 2**LOW) : 0;
    localparam int unsigned POINTER = LOW + (HIGH != 0 ? 1 : 0);
    wire signed [31:0] fill = 32'(dut.genMem.Fill);      // less the words in memory
    wire signed [31:0] credit = 32'(dut.genMem.Credit);  // less its free places
    wire               first = dut.genMem.OVld[0];       // a word is at the output
    wire               second = dut.genMem.OVld[1];      // and behind it
    wire [31:0] piped = 32'(first) + 32'(second);

    // Places of the memory in the order in which they are filled.
    wire [31:0] read, write;
    wire        read_legal, write_legal;
    if (HIGH == 0) begin : gen_whole
      assign read = 32'(dut.genMem.RdPtr);
      assign write = 32'(dut.genMem.WrPtr);
      assign read_legal = 1'b1;
      assign write_legal = 1'b1;
    end else begin : gen_divided
      wire [POINTER-1:0] rd = dut.genMem.RdPtr;
      wire [POINTER-1:0] wr = dut.genMem.WrPtr;
      assign read  = rd[LOW] ? 2**LOW + 32'(rd[HIGH-1:0]) : 32'(rd[LOW-1:0]);
      assign write = wr[LOW] ? 2**LOW + 32'(wr[HIGH-1:0]) : 32'(wr[LOW-1:0]);
      // in the smaller memory the bits above its address are ones, but at its first word
      assign read_legal  = !rd[LOW] || &rd[LOW-1:HIGH] || rd[LOW-1:0] == '0;
      assign write_legal = !wr[LOW] || &wr[LOW-1:HIGH] || wr[LOW-1:0] == '0;
    end
    wire [31:0] stored = 32'(-fill);
    wire [31:0] beyond = read + stored;
    wire [31:0] behind = read + 32'(i_order.ahead_q) - piped;  // of the watched word, if it is in memory
    wire [31:0] at = behind >= MEMORY ? behind - MEMORY : behind;
    wire        watched = i_order.watched_q;
    wire        in_first = first && i_order.ahead_q == '0;
    wire        in_second = second && 32'(i_order.ahead_q) == 32'(first);

    wire [WIDTH-1:0] word_there, word_second;
    if (HIGH == 0) begin : gen_one
      assign word_there = dut.genMem.MemLo[at[LOW-1:0]];
      assign word_second = dut.genMem.ODatLo[1];
    end else begin : gen_two
      wire [31:0] above = at - 2**LOW;
      assign word_there = at < 2**LOW ? dut.genMem.MemLo[at[LOW-1:0]]
                                      : dut.genMem.genHi.MemHi[above[HIGH-1:0]];
      assign word_second = dut.genMem.genOutMux.OSelLo[1] ? dut.genMem.ODatLo[1] : dut.genMem.genHi.ODatHi[1];
    end

    always_comb begin
      if (rst_n) begin
        fill_in_range:   assert (fill <= 0 && fill >= -int'(MEMORY));
        credit_exact:    assert (credit == -int'(MEMORY) - fill);
        pointers_legal:  assert (read_legal && write_legal);
        pointers_exact:  assert (write == (beyond >= MEMORY ? beyond - MEMORY : beyond));
        level_exact:     assert (32'(level) == stored + piped);
        watched_inside:  assert (!watched || i_order.ahead_q < level);
        watched_at_end:  assert (!(watched && in_first) || m_data == i_order.word_q);
        watched_behind:  assert (!(watched && in_second) || word_second == i_order.word_q);
        watched_stored:  assert (!watched || in_first || in_second || word_there == i_order.word_q);
      end
    end
  end

  soon #(.LIMIT(2)) i_gives (.clk, .rst_n, .idle(level != '0 && !m_valid));
  soon #(.LIMIT(2)) i_takes (.clk, .rst_n, .idle(level < DEPTH && !s_ready));

endmodule

`default_nettype wire
