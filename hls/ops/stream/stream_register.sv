// SPDX-License-Identifier: Apache-2.0
// A register slice: two places, so that both directions of the handshake are registered.
// Latency 1, II 1. Cut: every path.
`default_nettype none

module stream_register #(
  parameter int unsigned WIDTH = 8  // bits of a beat
) (
  input  wire              ap_clk,
  input  wire              ap_rst_n,

  input  wire [WIDTH-1:0]  s_axis_tdata,
  input  wire              s_axis_tvalid,
  output wire              s_axis_tready,

  output wire [WIDTH-1:0]  m_axis_tdata,
  output wire              m_axis_tvalid,
  input  wire              m_axis_tready
);

  if (WIDTH < 1) begin : gen_width_check
    $fatal(1, "stream_register: WIDTH must be 1 or more, got %0d", WIDTH);
  end

  // The spare place takes the one beat that is on its way when the output stops.
  logic             main_valid_q, spare_valid_q;
  logic [WIDTH-1:0] main_q, spare_q;
  wire              load = !main_valid_q || m_axis_tready;

  assign s_axis_tready = !spare_valid_q;
  assign m_axis_tvalid = main_valid_q;
  assign m_axis_tdata  = main_q;

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      main_valid_q  <= 1'b0;
      spare_valid_q <= 1'b0;
    end else if (load) begin
      main_valid_q  <= spare_valid_q || s_axis_tvalid;
      spare_valid_q <= 1'b0;
    end else if (s_axis_tvalid) begin
      spare_valid_q <= 1'b1;
    end
  end

  always_ff @(posedge ap_clk) begin
    if (load) main_q <= spare_valid_q ? spare_q : s_axis_tdata;
    if (!spare_valid_q) spare_q <= s_axis_tdata;
  end

endmodule

`default_nettype wire
