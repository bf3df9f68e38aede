// SPDX-License-Identifier: Apache-2.0
// Turns STRIDE*STRIDE channel groups of each pixel into a STRIDE x STRIDE block of pixels, and crops.
//
//   out[STRIDE*y + r - CROP_N, STRIDE*x + s - CROP_W, c] = in[y, x, (r*STRIDE + s)*C + c]
//
// Input order y, x, r, s, c; output order row, column, c: the beats of one output row phase r leave in the order
// in which they come. So each r has a FIFO; cropped beats are dropped at its entrance; the output replays
// one whole row after the other.
//
// With T = beats of an output row:
// - FIFO r >= 1 collects its row while the row of r = 0 passes. It must hold all of it that comes before the
//   last pixel with a kept column, else the input waits for the output and the output for the input.
//   ROW_DEPTH = 0 takes T.
// - FIFO 0 may be as shallow as 2. FIFO0_DEPTH buys throughput: the input goes on while rows are replayed. At one
//   input beat every SF cycles nothing stalls from (STRIDE-1)*T/(STRIDE*SF) beats, plus one burst of r = 0, on.
//
// Latency 2 to 3 cycles from the first kept beat (the FIFO's). II 1: one beat a cycle in, one out.
// Cut: all paths between input and output. s_axis_tready comes from the full flags and two registers, a LUT for
// STRIDE = 2; m_axis_tdata from the FIFOs' output registers through a STRIDE:1 multiplexer; m_axis_tready ends in
// the FIFOs.
`default_nettype none

module pixel_shuffle #(
  parameter int unsigned WIDTH = 8,        // bits of a beat
  parameter int unsigned IMG_H = 2,        // input rows
  parameter int unsigned IMG_W = 2,        // input columns
  parameter int unsigned CF = 1,           // beats of one output pixel, C / SIMD
  parameter int unsigned STRIDE = 2,
  parameter int unsigned CROP_N = 0,       // output rows and columns dropped
  parameter int unsigned CROP_E = 0,
  parameter int unsigned CROP_S = 0,
  parameter int unsigned CROP_W = 0,
  parameter int unsigned FIFO0_DEPTH = 2,
  parameter int unsigned ROW_DEPTH = 0,    // depth of FIFO r >= 1 in beats; 0: one output row
  parameter              RAM_STYLE = "auto"  // as RAM_STYLE of FINN's fifo
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

  if (WIDTH < 1 || IMG_H < 1 || IMG_W < 1 || CF < 1) begin : gen_size_check
    $fatal(1, "pixel_shuffle: WIDTH, IMG_H, IMG_W, CF must be 1 or more, got %0d, %0d, %0d, %0d",
           WIDTH, IMG_H, IMG_W, CF);
  end
  if (STRIDE < 2) begin : gen_stride_check
    $fatal(1, "pixel_shuffle: STRIDE must be 2 or more, got %0d", STRIDE);
  end
  if (CROP_N + CROP_S >= STRIDE * IMG_H) begin : gen_rows_check
    $fatal(1, "pixel_shuffle: CROP_N + CROP_S must be below the %0d rows, got %0d", STRIDE * IMG_H,
           CROP_N + CROP_S);
  end
  if (CROP_W + CROP_E >= STRIDE * IMG_W) begin : gen_columns_check
    $fatal(1, "pixel_shuffle: CROP_W + CROP_E must be below the %0d columns, got %0d", STRIDE * IMG_W,
           CROP_W + CROP_E);
  end
  if (FIFO0_DEPTH < 2) begin : gen_depth_check
    $fatal(1, "pixel_shuffle: FIFO0_DEPTH must be 2 or more, got %0d", FIFO0_DEPTH);
  end

  localparam int unsigned ROWS = STRIDE * IMG_H;
  localparam int unsigned COLUMNS = STRIDE * IMG_W;
  localparam int unsigned OUT_ROWS = ROWS - CROP_N - CROP_S;
  localparam int unsigned ROW_BEATS = (COLUMNS - CROP_W - CROP_E) * CF;
  localparam int unsigned ROW_DEPTH_SET = ROW_DEPTH != 0 ? ROW_DEPTH : ROW_BEATS;
  localparam int unsigned ROW_DEPTH_USED = ROW_DEPTH_SET > 2 ? ROW_DEPTH_SET : 2;

  typedef logic [$clog2(CF+1)-1:0]        fold_t;
  typedef logic [$clog2(STRIDE)-1:0]      phase_t;
  typedef logic [$clog2(ROWS+1)-1:0]      row_t;
  typedef logic [$clog2(COLUMNS+1)-1:0]   column_t;
  typedef logic [$clog2(ROW_BEATS+1)-1:0] beat_t;

  //- Input side: where the beat belongs -------------------------------------
  // The counters are a beat ahead, so that two registers say of the beat at the input what s_axis_tready needs.
  fold_t   fold_q;      // beat within the pixel
  logic    fold_last_q; // it is the last one
  phase_t  s_phase_q;   // s
  phase_t  r_phase_q;   // r
  column_t column_q;    // STRIDE*x
  row_t    row_q;       // STRIDE*y

  // Whether base + phase is `bound` or more; base is a multiple of STRIDE.
  function automatic logic reaches(input int unsigned base, input int unsigned phase, input int unsigned bound);
    return base > bound - bound % STRIDE || (base == bound - bound % STRIDE && phase >= bound % STRIDE);
  endfunction

  wire keep_row    = reaches(32'(row_q), 32'(r_phase_q), CROP_N)
                     && !reaches(32'(row_q), 32'(r_phase_q), ROWS - CROP_S);
  wire keep_column = reaches(32'(column_q), 32'(s_phase_q), CROP_W)
                     && !reaches(32'(column_q), 32'(s_phase_q), COLUMNS - CROP_E);

  logic   keep_q;       // the beat at the input
  phase_t phase_q;      // its r

  wire [STRIDE-1:0] fifo_irdy;
  wire take = s_axis_tvalid && s_axis_tready;

  assign s_axis_tready = !keep_q || fifo_irdy[phase_q];

  wire s_last      = fold_last_q && s_phase_q == phase_t'(STRIDE - 1);
  wire r_last      = s_last && r_phase_q == phase_t'(STRIDE - 1);
  wire column_last = r_last && column_q == column_t'(COLUMNS - STRIDE);
  wire row_last    = column_last && row_q == row_t'(ROWS - STRIDE);

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      keep_q      <= CROP_N == 0 && CROP_W == 0;
      phase_q     <= '0;
      fold_q      <= CF > 1 ? fold_t'(1) : '0;
      fold_last_q <= CF <= 2;
      s_phase_q   <= CF > 1 ? '0 : phase_t'(1);
      r_phase_q   <= '0;
      column_q    <= '0;
      row_q       <= '0;
    end else if (take) begin
      keep_q      <= keep_row && keep_column;
      phase_q     <= r_phase_q;
      fold_q      <= fold_last_q ? '0 : fold_q + 1'b1;
      fold_last_q <= CF == 1 || fold_q == fold_t'(CF - 2);
      if (fold_last_q) s_phase_q <= s_last ? '0 : s_phase_q + 1'b1;
      if (s_last)      r_phase_q <= r_last ? '0 : r_phase_q + 1'b1;
      if (r_last)      column_q  <= column_last ? '0 : column_q + column_t'(STRIDE);
      if (column_last) row_q     <= row_last ? '0 : row_q + row_t'(STRIDE);
    end
  end

  //- One FIFO for each r -----------------------------------------------------
  wire [STRIDE-1:0][WIDTH-1:0] fifo_odat;
  wire [STRIDE-1:0]            fifo_ovld;
  phase_t                      out_phase_q;  // FIFO being replayed

  for (genvar r = 0; r < STRIDE; r++) begin : gen_fifo
    localparam int unsigned DEPTH = r == 0 ? FIFO0_DEPTH : ROW_DEPTH_USED;
    wire ivld = s_axis_tvalid && keep_q && phase_q == phase_t'(r);
    wire ordy = m_axis_tready && out_phase_q == phase_t'(r);

    fifo #(
      .DEPTH(DEPTH),
      .DATA_WIDTH(WIDTH),
      .RAM_STYLE(RAM_STYLE)
    ) i_fifo (
      .clk(ap_clk),
      .rst(!ap_rst_n),
      .idat(s_axis_tdata),
      .ivld,
      .irdy(fifo_irdy[r]),
      .odat(fifo_odat[r]),
      .ovld(fifo_ovld[r]),
      .ordy,
      .count(),
      .maxcount()
    );
  end

  //- Output side: one row of a FIFO, then the next FIFO ----------------------
  localparam phase_t FIRST_PHASE = phase_t'(CROP_N % STRIDE);

  beat_t out_beat_q;
  row_t  out_row_q;

  assign m_axis_tdata  = fifo_odat[out_phase_q];
  assign m_axis_tvalid = fifo_ovld[out_phase_q];

  wire give       = m_axis_tvalid && m_axis_tready;
  wire row_end    = out_beat_q == beat_t'(ROW_BEATS - 1);
  wire frame_end  = out_row_q == row_t'(OUT_ROWS - 1);
  wire phase_wrap = out_phase_q == phase_t'(STRIDE - 1);

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      out_beat_q  <= '0;
      out_row_q   <= '0;
      out_phase_q <= FIRST_PHASE;
    end else if (give) begin
      out_beat_q <= row_end ? '0 : out_beat_q + 1'b1;
      if (row_end) begin
        out_row_q   <= frame_end ? '0 : out_row_q + 1'b1;
        out_phase_q <= frame_end ? FIRST_PHASE : phase_wrap ? '0 : out_phase_q + 1'b1;
      end
    end
  end

endmodule

`default_nettype wire
