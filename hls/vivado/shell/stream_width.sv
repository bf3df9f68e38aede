// SPDX-License-Identifier: Apache-2.0
// Width converter between the DMA's words and the accelerator's beats, e.g. 4 bytes <-> one RGB pixel of 3.
//
// The bytes of a frame pass in order, lowest byte of a beat first, with nothing added or left out:
//   byte k of the frame = byte k % S_BYTES of input beat k / S_BYTES = byte k % M_BYTES of output beat k / M_BYTES.
// Precondition: a frame is whole input beats and whole output beats, so no beat is ever half empty and TKEEP is
// not looked at. TLAST leaves with the beat that holds the last byte of the input beat it came with.
// Latency 1. II: one beat a cycle on the narrower side. Cut: every path.
`default_nettype none

module stream_width #(
  parameter int unsigned S_BYTES = 4,
  parameter int unsigned M_BYTES = 3
) (
  input  wire                  ap_clk,
  input  wire                  ap_rst_n,

  input  wire [8*S_BYTES-1:0]  s_axis_tdata,
  input  wire                  s_axis_tvalid,
  output wire                  s_axis_tready,
  input  wire                  s_axis_tlast,

  output wire [8*M_BYTES-1:0]  m_axis_tdata,
  output wire                  m_axis_tvalid,
  input  wire                  m_axis_tready,
  output wire                  m_axis_tlast
);

  if (S_BYTES < 1 || M_BYTES < 1) begin : gen_width_check
    $fatal(1, "stream_width: S_BYTES and M_BYTES must be 1 or more, got %0d and %0d", S_BYTES, M_BYTES);
  end

  function automatic int unsigned divisor(input int unsigned a, input int unsigned b);
    int unsigned x = a;
    int unsigned y = b;
    int unsigned z;
    while (y != 0) begin
      z = x % y;
      x = y;
      y = z;
    end
    return x;
  endfunction

  // Both sides move whole chunks: the greatest unit that divides either beat.
  localparam int unsigned CHUNK = divisor(S_BYTES, M_BYTES);
  localparam int unsigned S = S_BYTES / CHUNK;
  localparam int unsigned M = M_BYTES / CHUNK;
  // An output beat less one chunk may wait while an input beat arrives; a smaller beat more keeps the pace of
  // one beat a cycle without a path from m_axis_tready to s_axis_tready.
  localparam int unsigned DEPTH = S + M - 1 + (S < M ? S : M);

  typedef struct packed {
    logic               last;  // the last chunk of a frame
    logic [8*CHUNK-1:0] data;
  } chunk_t;

  typedef logic [$clog2(DEPTH+1)-1:0] level_t;

  chunk_t [DEPTH-1:0] chunks_q, kept, chunks_d;
  chunk_t [S-1:0]     arriving;
  level_t             level_q, left;

  wire take = s_axis_tvalid && s_axis_tready;
  wire give = m_axis_tvalid && m_axis_tready;

  for (genvar i = 0; i < S; i++) begin : gen_arriving
    assign arriving[i] = '{last: s_axis_tlast && i == S - 1, data: s_axis_tdata[8*CHUNK*i +: 8*CHUNK]};
  end

  assign left = give ? level_q - level_t'(M) : level_q;

  always_comb begin
    kept = give ? chunks_q >> (M * $bits(chunk_t)) : chunks_q;
    chunks_d = kept;
    for (int unsigned i = 0; i < DEPTH; i++)
      for (int unsigned j = 0; j < S; j++)
        if (take && 32'(left) + j == i) chunks_d[i] = arriving[j];
  end

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) level_q <= '0;
    else level_q <= take ? left + level_t'(S) : left;
  end

  always_ff @(posedge ap_clk) chunks_q <= chunks_d;

  assign s_axis_tready = 32'(level_q) + S <= DEPTH;
  assign m_axis_tvalid = 32'(level_q) >= M;

  logic [M-1:0] lasts;
  for (genvar i = 0; i < M; i++) begin : gen_leaving
    assign m_axis_tdata[8*CHUNK*i +: 8*CHUNK] = chunks_q[i].data;
    assign lasts[i] = chunks_q[i].last;
  end
  assign m_axis_tlast = |lasts;

endmodule

`default_nettype wire
