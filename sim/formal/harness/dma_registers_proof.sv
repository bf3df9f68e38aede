// SPDX-License-Identifier: Apache-2.0
// dma_registers under a master that reads and writes at any time, and channels that end at any time: each access
// is answered once, with its id and its number of words; an answer stays until taken; a transfer is started by
// LENGTH alone, and only on a channel that runs and is idle; the interrupt tells of ended transfers, until cleared.
`default_nettype none

module dma_registers_proof (
  input wire        clk,
  input wire        reset_n,
  input wire        offer_ar, offer_aw, offer_w, any_wlast, rready, bready, frame_error,
  input wire [31:0] any_araddr, any_awaddr, any_wdata,
  input wire [11:0] any_arid, any_awid,
  input wire [3:0]  any_arlen,
  input wire [1:0]  ends
);

  wire rst_n;
  first_reset i_reset (.clk, .reset_n, .rst_n);

  wire [31:0] araddr, awaddr, wdata, rdata;
  wire [11:0] arid, awid, rid, bid;
  wire [3:0]  arlen;
  wire        arvalid, arready, awvalid, awready, wvalid, wready, wlast, rvalid, rlast, bvalid, interrupt;
  wire [31:0] address[2];
  wire [22:0] length;
  wire        start[2];
  wire        busy[2];

  stream_source #(.WIDTH(48)) i_ar (
    .clk, .rst_n, .offer(offer_ar), .beat({any_araddr, any_arid, any_arlen}),
    .valid(arvalid), .ready(arready), .data({araddr, arid, arlen})
  );
  stream_source #(.WIDTH(44)) i_aw (
    .clk, .rst_n, .offer(offer_aw), .beat({any_awaddr, any_awid}),
    .valid(awvalid), .ready(awready), .data({awaddr, awid})
  );
  stream_source #(.WIDTH(33)) i_w (
    .clk, .rst_n, .offer(offer_w), .beat({any_wlast, any_wdata}), .valid(wvalid), .ready(wready), .data({wlast, wdata})
  );

  dma_registers dut (
    .clk, .rst_n, .araddr, .awaddr, .wdata, .arid, .awid, .arlen, .arvalid, .awvalid, .wvalid, .wlast,
    .rready, .bready, .arready, .awready, .wready, .rvalid, .rlast, .bvalid, .rdata, .rid, .bid,
    .address, .length, .start, .busy, .frame_error, .interrupt
  );

  stream_holds #(.WIDTH(45)) i_r_holds (.clk, .rst_n, .valid(rvalid), .ready(rready), .data({rid, rlast, rdata}));
  stream_holds #(.WIDTH(12)) i_b_holds (.clk, .rst_n, .valid(bvalid), .ready(bready), .data(bid));

  // What is under way: a read with so many words, or a write whose words come, or are all there.
  logic        reading_q, writing_q, written_q;
  logic [4:0]  left_q;
  logic [11:0] id_q;
  logic [6:0]  offset_q;
  always_ff @(posedge clk) begin
    if (!rst_n) begin
      reading_q <= 1'b0;
      writing_q <= 1'b0;
      written_q <= 1'b0;
      left_q    <= '0;
    end else begin
      if (arvalid && arready) reading_q <= 1'b1;
      else if (rvalid && rready && rlast) reading_q <= 1'b0;
      if (awvalid && awready) writing_q <= 1'b1;
      else if (wvalid && wready && wlast) writing_q <= 1'b0;
      if (wvalid && wready && wlast) written_q <= 1'b1;
      else if (bvalid && bready) written_q <= 1'b0;
      if (arvalid && arready) left_q <= 5'(arlen) + 1'b1;
      else if (rvalid && rready) left_q <= left_q - 1'b1;
    end
    if (arvalid && arready) {id_q, offset_q} <= {arid, araddr[6:0]};
    else if (awvalid && awready) {id_q, offset_q} <= {awid, awaddr[6:0]};
  end

  always_comb begin
    if (rst_n) begin
      one_access:      assert (32'(reading_q) + 32'(writing_q) + 32'(written_q) <= 1);
      one_address:     assert (!(arvalid && arready && awvalid && awready));
      accepts_idle:    assert (!((arvalid && arready) || (awvalid && awready)) || !(reading_q || writing_q || written_q));
      answers_reads:   assert (!rvalid || reading_q);
      answers_writes:  assert (bvalid == written_q);
      takes_words:     assert (wready == writing_q);
      read_length:     assert (!rvalid || rlast == (left_q == 5'd1));
      ids:             assert ((!rvalid || rid == id_q) && (!bvalid || bid == id_q));
    end
  end
  soon #(.LIMIT(1)) i_reads (.clk, .rst_n, .idle(reading_q && !rvalid));
  soon #(.LIMIT(1)) i_alive (
    .clk, .rst_n, .idle((arvalid || awvalid) && !arready && !awready && !rvalid && !bvalid && !wready)
  );

  // The channels: busy from the start on, until the transfer ends at any time.
  logic [1:0] busy_q, run_q, enable_q, done_q, was_busy_q;
  wire write = wvalid && wready;
  for (genvar c = 0; c < 2; c++) begin : gen_channel
    localparam logic [6:0] FIRST = c == 0 ? 7'h00 : 7'h30;
    wire control = write && offset_q == FIRST;
    wire status  = write && offset_q == FIRST + 7'h04;
    assign busy[c] = busy_q[c];

    logic length_q;   // LENGTH was written while the channel ran and was idle
    always_ff @(posedge clk) begin
      length_q      <= rst_n && write && offset_q == FIRST + 7'h28 && run_q[c] && !busy_q[c] && !start[c];
      busy_q[c]     <= rst_n && (start[c] || (busy_q[c] && !ends[c]));
      was_busy_q[c] <= rst_n && busy_q[c];
      if (!rst_n) run_q[c] <= 1'b0;
      else if (control) run_q[c] <= wdata[0] && !wdata[2];
      if (!rst_n) enable_q[c] <= 1'b0;
      else if (control) enable_q[c] <= wdata[12] && !wdata[2];
      if (!rst_n || (control && wdata[2]) || (status && wdata[12])) done_q[c] <= 1'b0;
      else if (was_busy_q[c] && !busy_q[c]) done_q[c] <= 1'b1;
    end

    always_comb begin
      if (rst_n) begin
        starts_by_length:  assert (start[c] == length_q);
        starts_when_idle:  assert (!(start[c] && busy[c]));
      end
    end
  end

  always_comb begin
    if (rst_n) interrupt_exact: assert (interrupt == |(done_q & enable_q));
  end

endmodule

`default_nettype wire
