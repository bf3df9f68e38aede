// SPDX-License-Identifier: Apache-2.0
// Joins two streams and adds them, exactly, or subtracts the second.
//
//   m[l] = a[l] + b[l], or a[l] - b[l], for every lane l = 0 .. SIMD-1, lane 0 in the low bits
//
// Each operand is signed (two's complement) or unsigned, of its own width. Y_WIDTH must hold every sum: it is
// the wider operand and one bit more; where only one operand is signed, the unsigned one counts with its sign
// bit added. NARROW says that operands never come so large together that a narrower one, at least as wide as each of
// them, would not do. The result is signed when an operand is, and of a subtraction.
// Latency 1, II 1. The output is registered.
// Not cut: m_axis_tready -> s_axis_{a,b}_tready, and the tvalid of one operand -> the tready of the other.
`default_nettype none

module skip_add #(
  parameter int unsigned SIMD = 1,
  parameter int unsigned A_WIDTH = 4,   // bits of one lane
  parameter int unsigned B_WIDTH = 4,
  parameter int unsigned Y_WIDTH = 5,
  parameter bit          A_SIGNED = 0,
  parameter bit          B_SIGNED = 0,
  parameter bit          SUBTRACT = 0,
  parameter bit          NARROW = 0
) (
  input  wire                     ap_clk,
  input  wire                     ap_rst_n,

  input  wire [SIMD*A_WIDTH-1:0]  s_axis_a_tdata,
  input  wire                     s_axis_a_tvalid,
  output wire                     s_axis_a_tready,

  input  wire [SIMD*B_WIDTH-1:0]  s_axis_b_tdata,
  input  wire                     s_axis_b_tvalid,
  output wire                     s_axis_b_tready,

  output wire [SIMD*Y_WIDTH-1:0]  m_axis_tdata,
  output wire                     m_axis_tvalid,
  input  wire                     m_axis_tready
);

  // Widths as signed numbers, where the result is signed.
  localparam bit          Y_SIGNED = A_SIGNED || B_SIGNED;
  localparam int unsigned A_FULL = A_WIDTH + ((Y_SIGNED && !A_SIGNED) ? 1 : 0);
  localparam int unsigned B_FULL = B_WIDTH + ((Y_SIGNED && !B_SIGNED) ? 1 : 0);
  localparam int unsigned Y_NEED = (A_FULL > B_FULL ? A_FULL : B_FULL) + 1;

  if (SIMD < 1) begin : gen_simd_check
    $fatal(1, "skip_add: SIMD must be 1 or more, got %0d", SIMD);
  end
  if (A_WIDTH < 1 || B_WIDTH < 1) begin : gen_operand_check
    $fatal(1, "skip_add: A_WIDTH and B_WIDTH must be 1 or more, got %0d and %0d", A_WIDTH, B_WIDTH);
  end
  if (Y_WIDTH < Y_NEED && !NARROW) begin : gen_result_check
    $fatal(1, "skip_add: Y_WIDTH must be %0d or more to hold every sum, got %0d", Y_NEED, Y_WIDTH);
  end
  if (Y_WIDTH < A_WIDTH || Y_WIDTH < B_WIDTH) begin : gen_narrow_check
    $fatal(1, "skip_add: Y_WIDTH must be that of an operand or more, %0d and %0d, got %0d", A_WIDTH, B_WIDTH, Y_WIDTH);
  end

  logic                    valid_q;
  logic [SIMD*Y_WIDTH-1:0] sum_q;
  wire                     load = !valid_q || m_axis_tready;

  // A beat is taken from both operands in the same cycle.
  assign s_axis_a_tready = load && s_axis_b_tvalid;
  assign s_axis_b_tready = load && s_axis_a_tvalid;
  assign m_axis_tvalid   = valid_q;
  assign m_axis_tdata    = sum_q;

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) valid_q <= 1'b0;
    else if (load) valid_q <= s_axis_a_tvalid && s_axis_b_tvalid;
  end

  for (genvar l = 0; l < SIMD; l++) begin : gen_lane
    wire [A_WIDTH-1:0] a = s_axis_a_tdata[l*A_WIDTH +: A_WIDTH];
    wire [B_WIDTH-1:0] b = s_axis_b_tdata[l*B_WIDTH +: B_WIDTH];
    wire [Y_WIDTH-1:0] a_full = {{(Y_WIDTH-A_WIDTH){A_SIGNED && a[A_WIDTH-1]}}, a};
    wire [Y_WIDTH-1:0] b_full = {{(Y_WIDTH-B_WIDTH){B_SIGNED && b[B_WIDTH-1]}}, b};

    always_ff @(posedge ap_clk) begin
      if (load) sum_q[l*Y_WIDTH +: Y_WIDTH] <= SUBTRACT ? a_full - b_full : a_full + b_full;
    end
  end

endmodule

`default_nettype wire
