// SPDX-License-Identifier: Apache-2.0
// The windows of a convolution, one after the other, fetched from a cyclic memory of the elements they span.
//
//   window (y, x): rows y*STRIDE_H + u*DILATION_H, columns x*STRIDE_W + v*DILATION_W, in the order (u, v, beat)
//
// An element is a beat of a pixel. Elements are numbered without end, frame after frame: that a frame is over is one
// more step of the read address, and the next frame is taken while the last windows are still handed on.
// What is compared, how far the newest element is from the one to be fetched and from the first one that a later
// window needs, is kept as differences of which only the sign is looked at.
// Latency 2, II 1. The output is the memory's register.
// Cut: s_axis from m_axis, tready from tvalid. Not cut: m_axis_tready -> what is fetched.
`default_nettype none

module sliding_window #(
  parameter int unsigned WIDTH = 8,       // bits of a beat
  parameter int unsigned IMG_H = 2,       // rows and columns of the input
  parameter int unsigned IMG_W = 2,
  parameter int unsigned BEATS = 1,       // of a pixel
  parameter int unsigned KERNEL_H = 1,
  parameter int unsigned KERNEL_W = 1,
  parameter int unsigned STRIDE_H = 1,
  parameter int unsigned STRIDE_W = 1,
  parameter int unsigned DILATION_H = 1,
  parameter int unsigned DILATION_W = 1,
  parameter int unsigned PLACES = 2       // of the memory; at least what a window spans, from its first element to its last
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

  localparam int ROW      = int'(IMG_W * BEATS);
  localparam int OVER_H   = int'((KERNEL_H - 1) * DILATION_H);  // rows from a window's first to its last
  localparam int OVER_W   = int'((KERNEL_W - 1) * DILATION_W);
  localparam int WINDOWS_H = (int'(IMG_H) - OVER_H - 1) / int'(STRIDE_H) + 1;
  localparam int WINDOWS_W = (int'(IMG_W) - OVER_W - 1) / int'(STRIDE_W) + 1;
  localparam int LAST     = OVER_H * ROW + (OVER_W + 1) * int'(BEATS) - 1;  // of a window's elements, from its first

  if (OVER_H >= int'(IMG_H) || OVER_W >= int'(IMG_W)) begin : gen_size_check
    $fatal(1, "sliding_window: a window must fit %0dx%0d pixels, it spans %0dx%0d", IMG_H, IMG_W, OVER_H + 1, OVER_W + 1);
  end
  if (int'(PLACES) <= LAST) begin : gen_places_check
    $fatal(1, "sliding_window: PLACES must be %0d or more, got %0d", LAST + 1, PLACES);
  end

  // From a window's first element to that of the next, where that is in the same row, the next row, the next frame.
  localparam int NEXT       = int'(STRIDE_W * BEATS);
  localparam int NEXT_ROW   = int'(STRIDE_H) * ROW - (WINDOWS_W - 1) * NEXT;
  localparam int NEXT_FRAME = (int'(IMG_H) - (WINDOWS_H - 1) * int'(STRIDE_H)) * ROW - (WINDOWS_W - 1) * NEXT;

  // From an element to the next one that is fetched.
  typedef enum logic [2:0] {BEAT, TAP, TAP_ROW, WINDOW, WINDOW_ROW, FRAME} step_t;

  function automatic int distance(input step_t step);
    unique case (step)
      BEAT:       distance = 1;
      TAP:        distance = int'((DILATION_W - 1) * BEATS) + 1;
      TAP_ROW:    distance = int'(DILATION_H) * ROW - (OVER_W + 1) * int'(BEATS) + 1;
      WINDOW:     distance = NEXT - LAST;
      WINDOW_ROW: distance = NEXT_ROW - LAST;
      default:    distance = NEXT_FRAME - LAST;
    endcase
  endfunction

  function automatic int window_distance(input logic row_ends, input logic frame_ends);
    window_distance = frame_ends ? NEXT_FRAME : row_ends ? NEXT_ROW : NEXT;
  endfunction

  // As a step of the read address, from 0 to PLACES - 1.
  function automatic int turned(input int step);
    turned = (step % int'(PLACES) + int'(PLACES)) % int'(PLACES);
  endfunction

  function automatic int larger(input int a, input int b);
    larger = a > b ? a : b;
  endfunction

  // No difference is further from zero: the memory, and the longest step forward.
  localparam int MOST = int'(PLACES) + larger(larger(NEXT, NEXT_ROW), larger(NEXT_FRAME, distance(TAP_ROW)));

  typedef logic signed [$clog2(MOST + 1):0]      difference_t;
  typedef logic        [(PLACES > 1 ? $clog2(PLACES) : 1)-1:0] place_t;

  //- The order of elements -----------------------------------------------------
  // Counters are one element ahead of the one that is fetched next: what follows that one lies in registers.
  logic  begun_q;
  step_t step_q;        // from the element fetched next to the one behind it
  logic  first_q;       // it is a window's first
  logic  row_ends_q;    // of a row's last window
  logic  frame_ends_q;  // of a frame's

  logic  fetch;
  wire   move = fetch || !begun_q;

  wire [4:0] ends;     // of beat, tap, tap row, window, window row
  wire [4:0] zeros;
  wire [5:0] carries;  // which counters go on
  assign carries[0] = move;

  for (genvar i = 0; i < 5; i++) begin : gen_counter
    localparam int COUNT = i == 0 ? int'(BEATS) : i == 1 ? int'(KERNEL_W) : i == 2 ? int'(KERNEL_H) :
                           i == 3 ? WINDOWS_W : WINDOWS_H;
    assign carries[i+1] = carries[i] && ends[i];

    if (COUNT == 1) begin : gen_one
      assign ends[i]  = 1'b1;
      assign zeros[i] = 1'b1;
    end else begin : gen_more
      logic [$clog2(COUNT)-1:0] count_q;
      assign ends[i]  = count_q == ($clog2(COUNT))'(COUNT - 1);
      assign zeros[i] = count_q == '0;

      always_ff @(posedge ap_clk) begin
        if (!ap_rst_n)       count_q <= '0;
        else if (carries[i]) count_q <= ends[i] ? '0 : count_q + 1'b1;
      end
    end
  end

  step_t step;
  always_comb begin
    if      (!ends[0]) step = BEAT;
    else if (!ends[1]) step = TAP;
    else if (!ends[2]) step = TAP_ROW;
    else if (!ends[3]) step = WINDOW;
    else if (!ends[4]) step = WINDOW_ROW;
    else               step = FRAME;
  end

  always_ff @(posedge ap_clk) begin
    begun_q <= ap_rst_n;
  end

  always_ff @(posedge ap_clk) begin
    if (move) begin
      step_q       <= step;
      first_q      <= &zeros[2:0];
      row_ends_q   <= ends[3];
      frame_ends_q <= ends[3] && ends[4];
    end
  end

  //- What is there, and what has room ----------------------------------------
  difference_t there_q;        // elements that are there beyond the one fetched next; below 0: it is not
  difference_t room_fetch_q;   // places left, less one, if nothing before that one is needed any more
  difference_t room_window_q;  // and if nothing before the window behind it, or its own while it has not begun

  logic valid_q;
  wire  take = s_axis_tvalid && s_axis_tready;
  assign fetch = begun_q && !there_q[$left(there_q)] && (!valid_q || m_axis_tready);
  assign s_axis_tready = !room_fetch_q[$left(room_fetch_q)] && !room_window_q[$left(room_window_q)];

  wire difference_t ahead  = fetch ? difference_t'(distance(step_q)) : '0;
  wire difference_t behind = fetch && first_q ? difference_t'(window_distance(row_ends_q, frame_ends_q)) : '0;

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      there_q       <= '1;
      room_fetch_q  <= difference_t'(PLACES - 1);
      room_window_q <= difference_t'(PLACES - 1);
    end else begin
      there_q       <= there_q - ahead + difference_t'(take);
      room_fetch_q  <= room_fetch_q + ahead - difference_t'(take);
      room_window_q <= room_window_q + behind - difference_t'(take);
    end
  end

  //- The memory ----------------------------------------------------------------
  place_t write_q, read_q;
  logic [WIDTH-1:0] elements_q [PLACES];
  logic [WIDTH-1:0] data_q;

  // The next place, and the same less PLACES, of which the sign chooses.
  wire logic [$bits(place_t):0] next = {1'b0, read_q} + ($bits(place_t)+1)'(turned(distance(step_q)));
  wire logic signed [$bits(place_t)+1:0] next_less =
    $signed({2'b0, read_q}) + ($bits(place_t)+2)'(turned(distance(step_q)) - int'(PLACES));

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      write_q <= '0;
      read_q  <= '0;
    end else begin
      if (take)  write_q <= write_q == place_t'(PLACES - 1) ? '0 : write_q + 1'b1;
      if (fetch) read_q  <= next_less[$left(next_less)] ? place_t'(next) : place_t'(next_less);
    end
  end

  always_ff @(posedge ap_clk) begin
    if (take)  elements_q[write_q] <= s_axis_tdata;
    if (fetch) data_q <= elements_q[read_q];
  end

  //- Output ------------------------------------------------------------------
  assign m_axis_tvalid = valid_q;
  assign m_axis_tdata  = data_q;

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n)                       valid_q <= 1'b0;
    else if (!valid_q || m_axis_tready)  valid_q <= fetch;
  end

endmodule

`default_nettype wire
