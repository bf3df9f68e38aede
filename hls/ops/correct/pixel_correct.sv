// SPDX-License-Identifier: Apache-2.0
// Joins a stream of corrections and a stream of pixels with flags, and adds the correction to the broken ones.
//
//   m[c] = flag >= 128 ? min(max(b[c] + a[c] - 128, 0), 255) : b[c]      c = R, G, B, R in the low byte
//
// where flag is b's fourth byte, of which only the top bit is looked at. A beat is a pixel, and is taken from
// both streams in the same cycle.
// Latency 1, II 1. The output is registered.
// Not cut: m_axis_tready -> s_axis_{a,b}_tready, and the tvalid of one operand -> the tready of the other.
`default_nettype none

module pixel_correct (
  input  wire         ap_clk,
  input  wire         ap_rst_n,

  input  wire [23:0]  s_axis_a_tdata,
  input  wire         s_axis_a_tvalid,
  output wire         s_axis_a_tready,

  input  wire [31:0]  s_axis_b_tdata,
  input  wire         s_axis_b_tvalid,
  output wire         s_axis_b_tready,

  output wire [23:0]  m_axis_tdata,
  output wire         m_axis_tvalid,
  input  wire         m_axis_tready
);

  logic        valid_q;
  logic [23:0] pixel_q;
  wire         load = !valid_q || m_axis_tready;
  wire         broken = s_axis_b_tdata[31];
  wire [6:0]   unused_flag = s_axis_b_tdata[30:24];

  // A beat is taken from both operands in the same cycle.
  assign s_axis_a_tready = load && s_axis_b_tvalid;
  assign s_axis_b_tready = load && s_axis_a_tvalid;
  assign m_axis_tvalid   = valid_q;
  assign m_axis_tdata    = pixel_q;

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) valid_q <= 1'b0;
    else if (load) valid_q <= s_axis_a_tvalid && s_axis_b_tvalid;
  end

  for (genvar c = 0; c < 3; c++) begin : gen_colour
    wire [7:0] colour = s_axis_b_tdata[8*c +: 8];
    wire [8:0] sum = s_axis_a_tdata[8*c +: 8] + colour;  // 128 above the result, which is 0 .. 255 from 128 to 383

    logic [7:0] corrected;
    always_comb begin
      unique case (sum[8:7])
        2'b00:   corrected = 8'd0;
        2'b11:   corrected = 8'd255;
        default: corrected = {!sum[7], sum[6:0]};
      endcase
    end

    always_ff @(posedge ap_clk) begin
      if (load) pixel_q[8*c +: 8] <= broken ? corrected : colour;
    end
  end

endmodule

`default_nettype wire
