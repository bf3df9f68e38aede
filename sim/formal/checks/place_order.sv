// SPDX-License-Identifier: Apache-2.0
// Property: the beat at any one place of an output frame is that at its ORIGINS place of the input frame, frame after
// frame, of a module that hands on beats of frames in another order, or several times.
//
// The place is drawn at reset, from a free input; the beats at that place are a queue, over which the frames'
// order is shown as for any stream. As every place has its beat and each beat that leaves is counted, none is
// lost, doubled or moved.
`default_nettype none

module place_order #(
  parameter int unsigned WIDTH = 1,
  parameter int unsigned IN_BEATS = 1,   // of a frame
  parameter int unsigned OUT_BEATS = 1,
  parameter int unsigned FRAMES = 1,     // no more than this many beats of one place are inside
  parameter logic [16*OUT_BEATS-1:0] ORIGINS = '0  // 16 bits a place
) (
  input  wire                            clk,
  input  wire                            rst_n,
  input  wire                            mark,
  input  wire [7:0]                      any_place,
  input  wire                            take,   // a beat enters
  input  wire [WIDTH-1:0]                word_in,
  input  wire                            give,   // a beat leaves
  input  wire [WIDTH-1:0]                word_out,
  output logic [OUT_BEATS-1:0]           place_q,  // that is watched, one hot
  output wire [$clog2(IN_BEATS+1)-1:0]   s_place,  // of the next beat that enters
  output wire [$clog2(OUT_BEATS+1)-1:0]  m_place,  // and leaves
  output wire                            s_end,  // it is the frame's last
  output wire                            m_end,
  output wire [$clog2(FRAMES+2)-1:0]     level   // beats of the watched place that are inside
);

  always_ff @(posedge clk) begin
    if (!rst_n) place_q <= OUT_BEATS'(1) << (32'(any_place) < OUT_BEATS ? any_place : 8'd0);
  end

  modulo #(.PERIOD(IN_BEATS)) i_in (.clk, .rst_n, .step(take), .last(s_end), .count(s_place));
  modulo #(.PERIOD(OUT_BEATS)) i_out (.clk, .rst_n, .step(give), .last(m_end), .count(m_place));

  wire [OUT_BEATS-1:0] s_here, m_here;
  for (genvar place = 0; place < OUT_BEATS; place++) begin : gen_place
    assign s_here[place] = place_q[place] && 32'(s_place) == 32'(ORIGINS[16*place +: 16]);
    assign m_here[place] = place_q[place] && 32'(m_place) == place;
  end

  stream_order #(.WIDTH(WIDTH), .CAPACITY(FRAMES)) i_order (
    .clk, .rst_n, .mark, .level,
    .enters(take && |s_here), .word_in, .leaves(give && |m_here), .word_out
  );

endmodule

`default_nettype wire
