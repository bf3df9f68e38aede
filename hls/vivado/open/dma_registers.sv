// SPDX-License-Identifier: Apache-2.0
// Registers of the open DMA, on a 32-bit AXI3 port: those of the vendor's AXI DMA in simple mode, as far as they
// are used (PG021), so that one driver serves both.
//
//   offset       read channel 0x00, write channel 0x30
//   +0x00 CR     bit 0 run, bit 2 reset (reads 0), bit 12 interrupt at the end of a transfer
//   +0x04 SR     bit 0 halted, bit 1 idle, bit 12 end of a transfer, cleared by writing 1
//   +0x18 ADDR   of the buffer, a multiple of 128 bytes
//   +0x28 LENGTH in bytes, a multiple of 8; writing it starts the transfer
//   0x60         bit 0: a frame was longer or shorter than it should be (see pixel_in.sv)
//
// One access at a time; a burst reads or writes the same register again, and reads what it was at first: what is
// offered to be read must not change until it is taken.
`default_nettype none

module dma_registers (
  input  wire         clk,
  input  wire         rst_n,

  input  wire  [31:0] araddr, awaddr, wdata,
  input  wire  [11:0] arid, awid,
  input  wire  [3:0]  arlen,
  input  wire         arvalid, awvalid, wvalid, wlast, rready, bready,
  output logic        arready, awready, wready, rvalid, rlast, bvalid,
  output logic [31:0] rdata,
  output logic [11:0] rid, bid,

  output logic [31:0] address[2],
  output logic [22:0] length,     // bytes, of the channel that starts
  output logic        start[2],   // for one cycle
  input  wire         busy[2],
  input  wire         frame_error,
  output wire         interrupt
);

  typedef enum logic [2:0] {IDLE, WRITE, RESPOND, LOOK, READ} state_t;

  state_t     state_q;
  logic [6:0] offset_q;
  logic [3:0] left_q;
  logic       run_q[2], enable_q[2], done_q[2], was_busy_q[2];

  wire channel = offset_q >= 7'h30;
  wire [6:0] place = channel ? offset_q - 7'h30 : offset_q;
  wire write = state_q == WRITE && wvalid;

  assign arready = state_q == IDLE && !awvalid;
  assign awready = state_q == IDLE;
  assign wready = state_q == WRITE;
  assign bvalid = state_q == RESPOND;
  assign rvalid = state_q == READ;
  assign rlast = left_q == '0;
  assign bid = rid;

  always_ff @(posedge clk) begin
    if (!rst_n) state_q <= IDLE;
    else unique case (state_q)
      IDLE: if (awvalid) state_q <= WRITE; else if (arvalid) state_q <= LOOK;
      WRITE: if (wvalid && wlast) state_q <= RESPOND;
      RESPOND: if (bready) state_q <= IDLE;
      LOOK: state_q <= READ;
      READ: if (rready && rlast) state_q <= IDLE;
      default: state_q <= IDLE;
    endcase
  end

  always_ff @(posedge clk) begin
    if (state_q == IDLE) begin
      offset_q <= awvalid ? awaddr[6:0] : araddr[6:0];
      rid      <= awvalid ? awid : arid;
      left_q   <= arlen;
    end else if (rvalid && rready) begin
      left_q <= left_q - 1'b1;
    end
  end

  always_ff @(posedge clk) begin
    for (int unsigned c = 0; c < 2; c++) begin
      start[c] <= 1'b0;
      was_busy_q[c] <= busy[c];
      if (was_busy_q[c] && !busy[c]) done_q[c] <= 1'b1;
      if (write && 32'(channel) == c) begin
        unique case (place)
          7'h00: begin
            run_q[c]    <= wdata[0] && !wdata[2];
            enable_q[c] <= wdata[12] && !wdata[2];
            if (wdata[2]) done_q[c] <= 1'b0;
          end
          7'h04: if (wdata[12]) done_q[c] <= 1'b0;
          7'h18: address[c] <= wdata;
          7'h28: begin
            length   <= wdata[22:0];
            start[c] <= run_q[c] && !busy[c] && !start[c];
          end
          default: ;
        endcase
      end
      if (!rst_n) begin
        run_q[c]      <= 1'b0;
        enable_q[c]   <= 1'b0;
        done_q[c]     <= 1'b0;
        was_busy_q[c] <= 1'b0;
        start[c]      <= 1'b0;
      end
    end
  end

  logic [31:0] value;
  always_comb begin
    unique case (place)
      7'h00: value = {19'd0, enable_q[channel], 11'd0, run_q[channel]};
      7'h04: value = {19'd0, done_q[channel], 10'd0, run_q[channel] && !busy[channel] && !start[channel],
                      !run_q[channel]};
      7'h18: value = address[channel];
      7'h30: value = {31'd0, frame_error};  // 0x60, counted from the write channel
      default: value = '0;
    endcase
  end

  always_ff @(posedge clk) if (state_q == LOOK) rdata <= value;

  assign interrupt = (done_q[0] && enable_q[0]) || (done_q[1] && enable_q[1]);

endmodule

`default_nettype wire
