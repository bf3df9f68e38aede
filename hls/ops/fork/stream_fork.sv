// SPDX-License-Identifier: Apache-2.0
// Copies one stream to several outputs, each with its own handshake.
//
//   m[i] = s for every output i
//
// Eager: an output takes a beat as soon as it can, whether or not the others can; the input beat is consumed
// in the cycle in which the last of them takes it. Stream order is that of the input.
// Latency 0, II 1.
// Not cut: s_axis_tdata/tvalid -> m_axis_tdata/tvalid and m_axis_tready -> s_axis_tready. There is no path from
// one output's tready to another output's tvalid.
`default_nettype none

module stream_fork #(
  parameter int unsigned WIDTH = 8,   // bits of a beat
  parameter int unsigned OUTPUTS = 2  // copies made
) (
  input  wire                        ap_clk,
  input  wire                        ap_rst_n,

  input  wire [WIDTH-1:0]            s_axis_tdata,
  input  wire                        s_axis_tvalid,
  output wire                        s_axis_tready,

  output wire [OUTPUTS*WIDTH-1:0]    m_axis_tdata,   // output 0 in the low bits
  output wire [OUTPUTS-1:0]          m_axis_tvalid,
  input  wire [OUTPUTS-1:0]          m_axis_tready
);

  if (WIDTH < 1) begin : gen_width_check
    $fatal(1, "stream_fork: WIDTH must be 1 or more, got %0d", WIDTH);
  end
  if (OUTPUTS < 2) begin : gen_outputs_check
    $fatal(1, "stream_fork: OUTPUTS must be 2 or more, got %0d", OUTPUTS);
  end

  // An output is done when it has taken the beat that still waits at the input.
  logic [OUTPUTS-1:0] done_q;
  wire  [OUTPUTS-1:0] done_d = done_q | (m_axis_tvalid & m_axis_tready);

  assign m_axis_tdata  = {OUTPUTS{s_axis_tdata}};
  assign m_axis_tvalid = {OUTPUTS{s_axis_tvalid}} & ~done_q;
  assign s_axis_tready = &(done_q | m_axis_tready);

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) done_q <= '0;
    else           done_q <= s_axis_tready ? '0 : done_d;
  end

endmodule

`default_nettype wire
