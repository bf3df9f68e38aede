// SPDX-License-Identifier: Apache-2.0
// Joins a stream of scores and a stream of pixels, and gives every pixel a flag: broken or not.
//
//   m = {a >= 128 ? 255 : 0, b}      with b of three bytes R, G, B, R in the low bits
//
// Only the score's top bit is looked at. A beat is a pixel, and is taken from both streams in the same cycle.
// Latency 1, II 1. The output is registered.
// Not cut: m_axis_tready -> s_axis_{a,b}_tready, and the tvalid of one operand -> the tready of the other.
`default_nettype none

module pixel_mark (
  input  wire         ap_clk,
  input  wire         ap_rst_n,

  input  wire [7:0]   s_axis_a_tdata,
  input  wire         s_axis_a_tvalid,
  output wire         s_axis_a_tready,

  input  wire [23:0]  s_axis_b_tdata,
  input  wire         s_axis_b_tvalid,
  output wire         s_axis_b_tready,

  output wire [31:0]  m_axis_tdata,
  output wire         m_axis_tvalid,
  input  wire         m_axis_tready
);

  logic        valid_q;
  logic        broken_q;
  logic [23:0] pixel_q;
  wire         load = !valid_q || m_axis_tready;
  wire [6:0]   unused_score = s_axis_a_tdata[6:0];  // below the threshold's bit

  // A beat is taken from both operands in the same cycle.
  assign s_axis_a_tready = load && s_axis_b_tvalid;
  assign s_axis_b_tready = load && s_axis_a_tvalid;
  assign m_axis_tvalid   = valid_q;
  assign m_axis_tdata    = {{8{broken_q}}, pixel_q};

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) valid_q <= 1'b0;
    else if (load) valid_q <= s_axis_a_tvalid && s_axis_b_tvalid;
  end

  always_ff @(posedge ap_clk) begin
    if (load) begin
      broken_q <= s_axis_a_tdata[7];
      pixel_q  <= s_axis_b_tdata;
    end
  end

endmodule

`default_nettype wire
