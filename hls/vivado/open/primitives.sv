// SPDX-License-Identifier: Apache-2.0
// Black boxes of the primitives that the open shell instantiates: the ports in use, as in UG953 and UG585.
// What is left out is tied off by place and route.

(* blackbox *)
module BUFG (
  output wire O,
  input  wire I
);
endmodule

(* blackbox, keep *)
module PS7 (
  output logic [3:0]  FCLKCLK, FCLKRESETN,
  input  wire  [3:0]  FCLKCLKTRIGN,
  input  wire  [19:0] IRQF2P,

  input  wire         MAXIGP0ACLK,
  output logic [31:0] MAXIGP0ARADDR, MAXIGP0AWADDR, MAXIGP0WDATA,
  output logic [11:0] MAXIGP0ARID, MAXIGP0AWID,
  output logic [3:0]  MAXIGP0ARLEN,
  output logic        MAXIGP0ARVALID, MAXIGP0AWVALID, MAXIGP0WVALID, MAXIGP0WLAST,
  output logic        MAXIGP0RREADY, MAXIGP0BREADY,
  input  wire         MAXIGP0ARREADY, MAXIGP0AWREADY, MAXIGP0WREADY,
  input  wire         MAXIGP0RVALID, MAXIGP0RLAST, MAXIGP0BVALID,
  input  wire  [31:0] MAXIGP0RDATA,
  input  wire  [11:0] MAXIGP0RID, MAXIGP0BID,
  input  wire  [1:0]  MAXIGP0RRESP, MAXIGP0BRESP,

  input  wire         SAXIHP0ACLK,
  input  wire  [31:0] SAXIHP0ARADDR, SAXIHP0AWADDR,
  input  wire  [3:0]  SAXIHP0ARLEN, SAXIHP0AWLEN, SAXIHP0ARCACHE, SAXIHP0AWCACHE,
  input  wire  [1:0]  SAXIHP0ARBURST, SAXIHP0AWBURST, SAXIHP0ARSIZE, SAXIHP0AWSIZE,
  input  wire         SAXIHP0ARVALID, SAXIHP0AWVALID, SAXIHP0WVALID, SAXIHP0WLAST,
  input  wire         SAXIHP0RREADY, SAXIHP0BREADY,
  input  wire  [63:0] SAXIHP0WDATA,
  input  wire  [7:0]  SAXIHP0WSTRB,
  output logic        SAXIHP0ARREADY, SAXIHP0AWREADY, SAXIHP0WREADY,
  output logic        SAXIHP0RVALID, SAXIHP0BVALID,
  output logic [63:0] SAXIHP0RDATA
);
endmodule
