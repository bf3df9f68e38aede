// SPDX-License-Identifier: Apache-2.0
// Stream to memory: `length` bytes to `address` on, 64 bits a word.
//
// Bursts of at most 16 words, one at a time, each begun when all of it is here: the memory port is never held up.
// Words that come before `start` wait. Addresses are multiples of 128 bytes, so that no burst crosses 4 KiB.
`default_nettype none

module dma_write (
  input  wire         clk,
  input  wire         rst_n,

  input  wire         start,
  input  wire  [31:0] address,
  input  wire  [22:0] length,
  output wire         busy,

  output logic [31:0] awaddr,
  output logic [3:0]  awlen,
  output logic        awvalid,
  input  wire         awready,
  output wire  [63:0] wdata,
  output wire         wvalid,
  output wire         wlast,
  input  wire         wready,
  input  wire         bvalid,
  output wire         bready,

  input  wire  [63:0] s_axis_tdata,
  input  wire         s_axis_tvalid,
  output wire         s_axis_tready
);

  logic [63:0] words[32];
  logic [4:0]  head_q, tail_q;
  logic [5:0]  level_q;
  logic [19:0] left_q;      // words of bursts that are not begun
  logic [4:0]  sending_q;   // words of the burst that is under way
  logic        answer_q;    // its response is yet to come

  wire [4:0] burst = left_q >= 20'd16 ? 5'd16 : left_q[4:0];
  wire take = s_axis_tvalid && s_axis_tready;
  wire send = wvalid && wready;
  wire begin_burst = left_q != '0 && !answer_q && level_q >= 6'(burst);

  assign busy = left_q != '0 || answer_q;
  assign wdata = words[tail_q];
  assign wvalid = sending_q != '0;
  assign wlast = sending_q == 5'd1;
  assign bready = 1'b1;
  assign s_axis_tready = level_q != 6'd32;

  always_ff @(posedge clk) if (take) words[head_q] <= s_axis_tdata;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      head_q    <= '0;
      tail_q    <= '0;
      level_q   <= '0;
      left_q    <= '0;
      sending_q <= '0;
      answer_q  <= 1'b0;
      awvalid   <= 1'b0;
    end else begin
      head_q  <= head_q + 5'(take);
      tail_q  <= tail_q + 5'(send);
      level_q <= level_q + 6'(take) - 6'(send);
      if (start) left_q <= length[22:3];
      else if (begin_burst) left_q <= left_q - 20'(burst);
      if (begin_burst) sending_q <= burst;
      else if (send) sending_q <= sending_q - 1'b1;
      if (begin_burst) answer_q <= 1'b1;
      else if (bvalid) answer_q <= 1'b0;
      if (begin_burst) awvalid <= 1'b1;
      else if (awready) awvalid <= 1'b0;
    end
  end

  // The address moves on once it is taken; the next burst is begun later than that.
  always_ff @(posedge clk) begin
    if (begin_burst) awlen <= 4'(burst - 1'b1);
    if (start) awaddr <= address;
    else if (awvalid && awready) awaddr <= awaddr + 32'd128;
  end

endmodule

`default_nettype wire
