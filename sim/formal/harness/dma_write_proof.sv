// SPDX-License-Identifier: Apache-2.0
// dma_write between a source that sends at any time and a memory that takes and answers at any time: of a transfer
// every word is written once and in order, in bursts that are never held up, none of which crosses 4 KiB.
`default_nettype none

module dma_write_proof #(
  parameter bit INVARIANTS = 1  // 0: the contract alone
) (
  input wire        clk,
  input wire        reset_n,
  input wire        start_wish, awready, wready, answer, offer, mark,
  input wire [24:0] place,       // of the buffer, in 128 bytes
  input wire [19:0] words,       // of a transfer
  input wire [63:0] beat
);

  wire rst_n;
  first_reset i_reset (.clk, .reset_n, .rst_n);

  wire        busy, awvalid, wvalid, wlast, s_valid, s_ready;
  wire [31:0] awaddr;
  wire [3:0]  awlen;
  wire [63:0] s_data, wdata;

  stream_source #(.WIDTH(64)) i_source (
    .clk, .rst_n, .offer, .beat, .valid(s_valid), .ready(s_ready), .data(s_data)
  );

  // The memory answers a burst once it has its address and its last word.
  logic addressed_q, written_q;
  wire start = start_wish && !busy;
  wire bvalid = answer && addressed_q && written_q;

  dma_write dut (
    .clk, .rst_n, .start, .address({place, 7'd0}), .length({words, 3'd0}), .busy,
    .awaddr, .awlen, .awvalid, .awready, .wdata, .wvalid, .wlast, .wready, .bvalid, .bready(),
    .s_axis_tdata(s_data), .s_axis_tvalid(s_valid), .s_axis_tready(s_ready)
  );

  wire send = wvalid && wready;
  wire [4:0] burst = 5'(awlen) + 1'b1;
  logic [19:0] all_q, sent_q, burst_from_q;  // words of the transfer: all, sent, and sent before this burst
  logic [31:0] base_q;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      addressed_q  <= 1'b0;
      written_q    <= 1'b0;
      all_q        <= '0;
      sent_q       <= '0;
      burst_from_q <= '0;
    end else begin
      addressed_q  <= !bvalid && (addressed_q || (awvalid && awready));
      written_q    <= !bvalid && (written_q || (send && wlast));
      all_q        <= start ? words : all_q;
      sent_q       <= start ? '0 : sent_q + 20'(send);
      burst_from_q <= start ? '0 : bvalid ? sent_q : burst_from_q;
    end
    if (start) base_q <= {place, 7'd0};
  end

  wire [5:0] level;
  wire [19:0] in_burst = sent_q - burst_from_q;
  stream_holds #(.WIDTH(36)) i_asks (.clk, .rst_n, .valid(awvalid), .ready(awready), .data({awaddr, awlen}));
  stream_holds #(.WIDTH(65)) i_sends (.clk, .rst_n, .valid(wvalid), .ready(wready), .data({wlast, wdata}));
  stream_order #(.WIDTH(64), .CAPACITY(32)) i_order (
    .clk, .rst_n, .mark, .level,
    .enters(s_valid && s_ready), .word_in(s_data), .leaves(send), .word_out(wdata)
  );

  wire begun = awvalid || addressed_q;   // the burst's address has been put out
  always_comb begin
    if (rst_n) begin
      addressed_once:    assert (!(awvalid && addressed_q));
      words_of_a_burst:  assert (!wvalid || (begun && !written_q));
      sends_no_more:     assert (!wvalid || sent_q < all_q);
      last_exact:        assert (!wvalid || wlast == (in_burst == 20'(awlen)));
      not_held_up:       assert (!begun || written_q || in_burst + 20'(level) >= 20'(burst));
      whole_burst_sent:  assert (!written_q || in_burst == 20'(burst));
      next_address:      assert (!awvalid || awaddr == base_q + {9'd0, burst_from_q, 3'd0});
      within_4_kib:      assert (!awvalid || 32'(awaddr[11:0]) + 8 * 32'(burst) <= 4096);
      all_written:       assert (busy || (sent_q == all_q && !begun && !written_q));
      takes:             assert (s_ready == (level != 6'd32));
    end
  end
  // It waits for the memory or for the words of the next burst, never for itself.
  wire [19:0] left = all_q - burst_from_q;
  wire enough = 20'(level) >= (left > 20'd16 ? 20'd16 : left);
  soon #(.LIMIT(1)) i_alive (.clk, .rst_n, .idle(busy && !begun && !wvalid && !written_q && enough));

  // What makes the proof inductive.
  wire [4:0] at = dut.tail_q + 5'(i_order.ahead_q);
  wire [19:0] planned = dut.answer_q ? burst_from_q + 20'(burst) : burst_from_q;
  always_comb begin
    if (rst_n && INVARIANTS) begin
      level_exact:    assert (dut.level_q == level && dut.head_q - dut.tail_q == level[4:0]);
      left_exact:     assert (dut.left_q == all_q - planned && planned <= all_q && burst_from_q <= planned);
      answer_exact:   assert (dut.answer_q == begun);
      sending_exact:  assert (
        20'(dut.sending_q) == (dut.answer_q ? 20'(burst) - in_burst : 20'd0) && in_burst <= 20'(burst)
        && (dut.answer_q || in_burst == '0) && written_q == (dut.answer_q && dut.sending_q == '0)
      );
      all_here:       assert (6'(dut.sending_q) <= level);
      base_aligned:   assert (all_q == '0 || base_q[6:0] == '0);
      whole_bursts:   assert (planned == all_q || planned[3:0] == '0);
      from_aligned:   assert (burst_from_q == all_q || burst_from_q[3:0] == '0);
      length_of_last: assert (!dut.answer_q || burst == 5'd16 || planned == all_q);
      address_exact:  assert (
        planned == all_q || awaddr == base_q + {9'd0, addressed_q ? planned : burst_from_q, 3'd0}
      );
      address_asked:  assert (!awvalid || awaddr == base_q + {9'd0, burst_from_q, 3'd0});
      watched_ahead:  assert (!i_order.watched_q || i_order.ahead_q < level);
      watched_stored: assert (!i_order.watched_q || dut.words[at] == i_order.word_q);
    end
  end

endmodule

`default_nettype wire
