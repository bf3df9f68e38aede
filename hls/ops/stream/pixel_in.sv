// SPDX-License-Identifier: Apache-2.0
// Entrance of the accelerator: passes beats and watches that TLAST marks the end of each frame.
//
// A frame is FRAME_BEATS beats. `frame_error` rises, and stays until reset, when TLAST comes before the frame's
// last beat or is missing there. Data passes in any case and the count goes on, so that a wrong length
// shows as an error and never as a hang.
// Latency 1, II 1. Cut: every path.
`default_nettype none

module pixel_in #(
  parameter int unsigned WIDTH = 24,       // bits of a beat, 24 for each pixel
  parameter int unsigned FRAME_BEATS = 65536
) (
  input  wire              ap_clk,
  input  wire              ap_rst_n,

  input  wire [WIDTH-1:0]  s_axis_tdata,
  input  wire              s_axis_tvalid,
  output wire              s_axis_tready,
  input  wire              s_axis_tlast,

  output wire [WIDTH-1:0]  m_axis_tdata,
  output wire              m_axis_tvalid,
  input  wire              m_axis_tready,

  output wire              frame_error
);

  if (FRAME_BEATS < 1) begin : gen_frame_check
    $fatal(1, "pixel_in: FRAME_BEATS must be 1 or more, got %0d", FRAME_BEATS);
  end

  typedef logic [$clog2(FRAME_BEATS+1)-1:0] beat_t;

  beat_t beat_q;
  logic  error_q;
  wire   take = s_axis_tvalid && s_axis_tready;
  wire   last = beat_q == beat_t'(FRAME_BEATS - 1);

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      beat_q  <= '0;
      error_q <= 1'b0;
    end else if (take) begin
      beat_q  <= last ? '0 : beat_q + 1'b1;
      error_q <= error_q || s_axis_tlast != last;
    end
  end

  assign frame_error = error_q;

  stream_register #(
    .WIDTH(WIDTH)
  ) i_register (
    .ap_clk,
    .ap_rst_n,
    .s_axis_tdata,
    .s_axis_tvalid,
    .s_axis_tready,
    .m_axis_tdata,
    .m_axis_tvalid,
    .m_axis_tready
  );

endmodule

`default_nettype wire
