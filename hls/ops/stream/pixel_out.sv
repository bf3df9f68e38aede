// SPDX-License-Identifier: Apache-2.0
// Exit of the accelerator: passes beats and sets TLAST on every FRAME_BEATS-th of them.
// Latency 1, II 1. Cut: every path.
`default_nettype none

module pixel_out #(
  parameter int unsigned WIDTH = 24,       // bits of a beat, 24 for each pixel
  parameter int unsigned FRAME_BEATS = 65536
) (
  input  wire              ap_clk,
  input  wire              ap_rst_n,

  input  wire [WIDTH-1:0]  s_axis_tdata,
  input  wire              s_axis_tvalid,
  output wire              s_axis_tready,

  output wire [WIDTH-1:0]  m_axis_tdata,
  output wire              m_axis_tvalid,
  input  wire              m_axis_tready,
  output wire              m_axis_tlast
);

  if (FRAME_BEATS < 1) begin : gen_frame_check
    $fatal(1, "pixel_out: FRAME_BEATS must be 1 or more, got %0d", FRAME_BEATS);
  end

  typedef logic [$clog2(FRAME_BEATS+1)-1:0] beat_t;

  beat_t beat_q;
  wire   last = beat_q == beat_t'(FRAME_BEATS - 1);

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) beat_q <= '0;
    else if (s_axis_tvalid && s_axis_tready) beat_q <= last ? '0 : beat_q + 1'b1;
  end

  stream_register #(
    .WIDTH(WIDTH + 1)
  ) i_register (
    .ap_clk,
    .ap_rst_n,
    .s_axis_tdata({last, s_axis_tdata}),
    .s_axis_tvalid,
    .s_axis_tready,
    .m_axis_tdata({m_axis_tlast, m_axis_tdata}),
    .m_axis_tvalid,
    .m_axis_tready
  );

endmodule

`default_nettype wire
