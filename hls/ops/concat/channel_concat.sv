// SPDX-License-Identifier: Apache-2.0
// Joins the channels of two or more streams, pixel by pixel.
//
//   m[y, x] = s[0][y, x], s[1][y, x], ..  of pixel (y, x) all channels of input 0 first
//
// Of every pixel BEATS[0] beats of input 0 are handed on, then BEATS[1] of input 1, and so on, lanes as they
// come; only beats of a pixel are counted.
// Latency 1, II 1. The output is registered; an input is ready only in its turn.
// Not cut: m_axis_tready -> s_axis_tready.
`default_nettype none

module channel_concat #(
  parameter int unsigned WIDTH = 8,   // bits of a beat
  parameter int unsigned INPUTS = 2,
  parameter bit [INPUTS-1:0][15:0] BEATS = {INPUTS{16'd1}}  // of a pixel, input 0 in the low bits
) (
  input  wire                     ap_clk,
  input  wire                     ap_rst_n,

  input  wire [INPUTS*WIDTH-1:0]  s_axis_tdata,   // input 0 in the low bits
  input  wire [INPUTS-1:0]        s_axis_tvalid,
  output wire [INPUTS-1:0]        s_axis_tready,

  output wire [WIDTH-1:0]         m_axis_tdata,
  output wire                     m_axis_tvalid,
  input  wire                     m_axis_tready
);

  if (WIDTH < 1) begin : gen_width_check
    $fatal(1, "channel_concat: WIDTH must be 1 or more, got %0d", WIDTH);
  end
  if (INPUTS < 2) begin : gen_inputs_check
    $fatal(1, "channel_concat: INPUTS must be 2 or more, got %0d", INPUTS);
  end
  for (genvar i = 0; i < INPUTS; i++) begin : gen_beats_check
    if (BEATS[i] < 1) begin : gen_check
      $fatal(1, "channel_concat: BEATS of input %0d must be 1 or more, got %0d", i, BEATS[i]);
    end
  end

  function automatic int unsigned most();
    most = 1;
    for (int i = 0; i < INPUTS; i++) if (32'(BEATS[i]) > most) most = 32'(BEATS[i]);
  endfunction

  typedef logic [$clog2(INPUTS)-1:0]   input_t;
  typedef logic [$clog2(most()+1)-1:0] beat_t;

  //- Whose turn it is ---------------------------------------------------------
  input_t input_q;
  beat_t  beat_q;  // of the input's share of the pixel

  logic   valid_q;
  wire    load = !valid_q || m_axis_tready;

  // Of the input in whose turn it is.
  logic             given;
  logic [WIDTH-1:0] data;
  beat_t            last_beat;
  always_comb begin
    given     = 1'b0;
    data      = '0;
    last_beat = '0;
    for (int i = 0; i < INPUTS; i++) begin
      if (input_q == input_t'(i)) begin
        given     = s_axis_tvalid[i];
        data      = s_axis_tdata[i*WIDTH +: WIDTH];
        last_beat = beat_t'(BEATS[i] - 16'd1);
      end
    end
  end

  wire step = given && load;

  wire turn_ends  = beat_q == last_beat;
  wire pixel_ends = turn_ends && input_q == input_t'(INPUTS - 1);

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      input_q <= '0;
      beat_q  <= '0;
    end else if (step) begin
      beat_q <= turn_ends ? '0 : beat_q + 1'b1;
      if (turn_ends) input_q <= pixel_ends ? '0 : input_q + 1'b1;
    end
  end

  for (genvar i = 0; i < INPUTS; i++) begin : gen_ready
    assign s_axis_tready[i] = load && input_q == input_t'(i);
  end

  //- The beat -----------------------------------------------------------------
  logic [WIDTH-1:0] data_q;

  assign m_axis_tvalid = valid_q;
  assign m_axis_tdata  = data_q;

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) valid_q <= 1'b0;
    else if (load) valid_q <= given;
  end

  always_ff @(posedge ap_clk) begin
    if (load) data_q <= data;
  end

endmodule

`default_nettype wire
