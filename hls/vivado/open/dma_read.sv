// SPDX-License-Identifier: Apache-2.0
// Memory to stream: `length` bytes from `address` on, 64 bits a word, TLAST on the last.
//
// Bursts of at most 16 words, one at a time, each asked for when there is room for all of it: data is never held
// up on the memory port. Addresses are multiples of 128 bytes, so that no burst crosses 4 KiB.
`default_nettype none

module dma_read (
  input  wire         clk,
  input  wire         rst_n,

  input  wire         start,
  input  wire  [31:0] address,
  input  wire  [22:0] length,
  output wire         busy,

  output logic [31:0] araddr,
  output wire  [3:0]  arlen,
  output wire         arvalid,
  input  wire         arready,
  input  wire  [63:0] rdata,
  input  wire         rvalid,
  output wire         rready,

  output wire  [63:0] m_axis_tdata,
  output wire         m_axis_tvalid,
  input  wire         m_axis_tready,
  output wire         m_axis_tlast
);

  logic [63:0] words[32];
  logic [4:0]  head_q, tail_q;
  logic [5:0]  level_q;
  logic [19:0] ask_q, give_q;   // words yet to be asked for, and to be given
  logic [4:0]  coming_q;        // of the burst that is under way

  wire [4:0] burst = ask_q >= 20'd16 ? 5'd16 : ask_q[4:0];
  wire give = m_axis_tvalid && m_axis_tready;

  assign busy = give_q != '0;
  assign arvalid = ask_q != '0 && coming_q == '0 && level_q <= 6'd16;
  assign arlen = 4'(burst - 1'b1);
  assign rready = 1'b1;
  assign m_axis_tdata = words[tail_q];
  assign m_axis_tvalid = level_q != '0;
  assign m_axis_tlast = give_q == 20'd1;

  always_ff @(posedge clk) if (rvalid) words[head_q] <= rdata;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      head_q   <= '0;
      tail_q   <= '0;
      level_q  <= '0;
      ask_q    <= '0;
      give_q   <= '0;
      coming_q <= '0;
    end else begin
      head_q  <= head_q + 5'(rvalid);
      tail_q  <= tail_q + 5'(give);
      level_q <= level_q + 6'(rvalid) - 6'(give);
      if (start) begin
        ask_q  <= length[22:3];
        give_q <= length[22:3];
      end else begin
        if (give) give_q <= give_q - 1'b1;
        if (arvalid && arready) ask_q <= ask_q - 20'(burst);
      end
      if (arvalid && arready) coming_q <= burst;
      else if (rvalid) coming_q <= coming_q - 1'b1;
    end
  end

  always_ff @(posedge clk) begin
    if (start) araddr <= address;
    else if (arvalid && arready) araddr <= araddr + 32'd128;
  end

endmodule

`default_nettype wire
