// SPDX-License-Identifier: Apache-2.0
// dma_read between a memory that answers at any time and a sink that takes at any time: of a transfer every word is
// asked for once and given once, in order, TLAST on the last; no burst finds the buffer full or crosses 4 KiB.
`default_nettype none

module dma_read_proof #(
  parameter bit INVARIANTS = 1  // 0: the contract alone
) (
  input wire        clk,
  input wire        reset_n,
  input wire        start_wish, arready, answer, accept, mark,
  input wire [24:0] place,       // of the buffer, in 128 bytes
  input wire [19:0] words,       // of a transfer
  input wire [63:0] rdata
);

  wire rst_n;
  first_reset i_reset (.clk, .reset_n, .rst_n);

  wire        busy, arvalid, m_valid, m_last;
  wire [31:0] araddr;
  wire [3:0]  arlen;
  wire [63:0] m_data;

  // dma_registers starts no transfer before the last one's end. The memory answers what it has been asked for.
  logic [4:0] owed_q;
  wire start = start_wish && !busy;
  wire rvalid = answer && owed_q != '0;

  dma_read dut (
    .clk, .rst_n, .start, .address({place, 7'd0}), .length({words, 3'd0}), .busy,
    .araddr, .arlen, .arvalid, .arready, .rdata, .rvalid, .rready(),
    .m_axis_tdata(m_data), .m_axis_tvalid(m_valid), .m_axis_tready(accept), .m_axis_tlast(m_last)
  );

  wire ask = arvalid && arready;
  wire give = m_valid && accept;
  wire [4:0] burst = 5'(arlen) + 1'b1;
  logic [19:0] all_q, asked_q, given_q;
  logic [31:0] base_q;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      owed_q  <= '0;
      all_q   <= '0;
      asked_q <= '0;
      given_q <= '0;
    end else begin
      owed_q  <= (ask ? burst : owed_q) - 5'(rvalid);
      all_q   <= start ? words : all_q;
      asked_q <= start ? '0 : asked_q + (ask ? 20'(burst) : 20'd0);
      given_q <= start ? '0 : given_q + 20'(give);
    end
    if (start) base_q <= {place, 7'd0};
  end

  wire [5:0] level;
  stream_holds #(.WIDTH(36)) i_asks (
    .clk, .rst_n, .valid(arvalid), .ready(arready), .data({araddr, arlen})
  );
  stream_holds #(.WIDTH(65)) i_gives (
    .clk, .rst_n, .valid(m_valid), .ready(accept), .data({m_last, m_data})
  );
  stream_order #(.WIDTH(64), .CAPACITY(32)) i_order (
    .clk, .rst_n, .mark, .level, .enters(rvalid), .word_in(rdata), .leaves(give), .word_out(m_data)
  );

  always_comb begin
    if (rst_n) begin
      one_burst_at_once: assert (!arvalid || owed_q == '0);
      room_for_burst:    assert (!arvalid || 32'(level) + 32'(burst) <= 32);
      asks_no_more:      assert (!arvalid || 32'(asked_q) + 32'(burst) <= 32'(all_q));
      next_address:      assert (!arvalid || araddr == base_q + {9'd0, asked_q, 3'd0});
      within_4_kib:      assert (!arvalid || 32'(araddr[11:0]) + 8 * 32'(burst) <= 4096);
      gives_no_more:     assert (!m_valid || given_q < all_q);
      last_exact:        assert (!m_valid || m_last == (given_q + 1'b1 == all_q));
      busy_exact:        assert (busy == (given_q != all_q));
    end
  end
  soon i_alive (.clk, .rst_n, .idle(busy && !arvalid && !m_valid && owed_q == '0));

  // What makes the proof inductive.
  wire [4:0] at = dut.tail_q + 5'(i_order.ahead_q);
  always_comb begin
    if (rst_n && INVARIANTS) begin
      level_exact:    assert (dut.level_q == level && dut.head_q - dut.tail_q == level[4:0]);
      coming_exact:   assert (dut.coming_q == owed_q && 32'(level) + 32'(owed_q) <= 32);
      ask_exact:      assert (dut.ask_q == all_q - asked_q && asked_q <= all_q);
      give_exact:     assert (dut.give_q == all_q - given_q && given_q <= all_q);
      words_add_up:   assert (32'(asked_q) == 32'(given_q) + 32'(owed_q) + 32'(level));
      whole_bursts:   assert (dut.ask_q == '0 || asked_q[3:0] == '0);
      base_aligned:   assert (all_q == '0 || base_q[6:0] == '0);
      address_exact:  assert (dut.ask_q == '0 || araddr == base_q + {9'd0, asked_q, 3'd0});
      watched_ahead:  assert (!i_order.watched_q || i_order.ahead_q < level);
      watched_stored: assert (!i_order.watched_q || dut.words[at] == i_order.word_q);
    end
  end

endmodule

`default_nettype wire
