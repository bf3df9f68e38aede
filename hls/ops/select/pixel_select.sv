// SPDX-License-Identifier: Apache-2.0
// Joins two streams of pixels and passes one of both, pixel by pixel.
//
//   m = flag >= 128 ? a[2:0] : b[2:0]      with three bytes R, G, B, R in the low bits
//
// where flag is the fourth byte of a (A_FLAG = 1, four bytes; b has three) or of b (A_FLAG = 0; a has three).
// Only the flag's top bit is looked at. A beat is a pixel, and is taken from both streams in the same cycle.
// Latency 1, II 1. The output is registered.
// Not cut: m_axis_tready -> s_axis_{a,b}_tready, and the tvalid of one operand -> the tready of the other.
`default_nettype none

module pixel_select #(
  parameter bit          A_FLAG = 1,               // the fourth byte is in a, otherwise in b
  parameter int unsigned A_WIDTH = A_FLAG ? 32 : 24,  // bits of a pixel
  parameter int unsigned B_WIDTH = A_FLAG ? 24 : 32
) (
  input  wire                ap_clk,
  input  wire                ap_rst_n,

  input  wire [A_WIDTH-1:0]  s_axis_a_tdata,
  input  wire                s_axis_a_tvalid,
  output wire                s_axis_a_tready,

  input  wire [B_WIDTH-1:0]  s_axis_b_tdata,
  input  wire                s_axis_b_tvalid,
  output wire                s_axis_b_tready,

  output wire [23:0]         m_axis_tdata,
  output wire                m_axis_tvalid,
  input  wire                m_axis_tready
);

  if (A_WIDTH != (A_FLAG ? 32 : 24) || B_WIDTH != (A_FLAG ? 24 : 32)) begin : gen_width_check
    $fatal(1, "pixel_select: A_WIDTH and B_WIDTH must be %0d and %0d where A_FLAG is %0d, got %0d and %0d",
           A_FLAG ? 32 : 24, A_FLAG ? 24 : 32, A_FLAG, A_WIDTH, B_WIDTH);
  end

  logic        valid_q;
  logic [23:0] pixel_q;
  wire         load = !valid_q || m_axis_tready;
  wire         flag;  // the top bit of the byte

  if (A_FLAG) begin : gen_flag_a
    assign flag = s_axis_a_tdata[A_WIDTH-1];
  end else begin : gen_flag_b
    assign flag = s_axis_b_tdata[B_WIDTH-1];
  end

  // A beat is taken from both operands in the same cycle.
  assign s_axis_a_tready = load && s_axis_b_tvalid;
  assign s_axis_b_tready = load && s_axis_a_tvalid;
  assign m_axis_tvalid   = valid_q;
  assign m_axis_tdata    = pixel_q;

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) valid_q <= 1'b0;
    else if (load) valid_q <= s_axis_a_tvalid && s_axis_b_tvalid;
  end

  always_ff @(posedge ap_clk) begin
    if (load) pixel_q <= flag ? s_axis_a_tdata[23:0] : s_axis_b_tdata[23:0];
  end

endmodule

`default_nettype wire
