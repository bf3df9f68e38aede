// SPDX-License-Identifier: Apache-2.0
// The sum of each pixel's 3x3 neighbours, zeros beyond the border; a whole pixel a beat.
//
// It steps over a grid of IMG_H + 1 rows and IMG_W + 1 columns. In a step of the image a pixel is taken; from the second
// row and column on the sum around the pixel one row and one column before leaves. Two rows are kept.
`default_nettype none

module box_sum #(
  parameter int unsigned LANES = 1,   // channels
  parameter int unsigned BITS = 8,    // of a channel
  parameter bit          SIGNED = 0,
  parameter int unsigned IMG_H = 2,
  parameter int unsigned IMG_W = 2
) (
  input  wire                       ap_clk,
  input  wire                       ap_rst_n,

  input  wire [LANES*BITS-1:0]      s_axis_tdata,
  input  wire                       s_axis_tvalid,
  output wire                       s_axis_tready,

  output wire [LANES*(BITS+4)-1:0]  m_axis_tdata,
  output wire                       m_axis_tvalid,
  input  wire                       m_axis_tready
);

  typedef logic [LANES-1:0][BITS-1:0] pixel_t;
  typedef logic [LANES-1:0][BITS+3:0] sums_t;

  function automatic sums_t widened(input pixel_t pixel);
    for (int unsigned c = 0; c < LANES; c++) widened[c] = {{4{SIGNED & pixel[c][BITS-1]}}, pixel[c]};
  endfunction

  function automatic sums_t added(input sums_t a, input sums_t b, input sums_t c);
    for (int unsigned n = 0; n < LANES; n++) added[n] = a[n] + b[n] + c[n];
  endfunction

  //- The step -----------------------------------------------------------------
  logic [$clog2(IMG_H+1)-1:0] row_q;
  logic [$clog2(IMG_W+1)-1:0] column_q;
  logic                       valid_q;

  wire last_column = 32'(column_q) == IMG_W;
  wire last_row    = 32'(row_q) == IMG_H;
  wire takes       = !last_row && !last_column;
  wire gives       = row_q != '0 && column_q != '0;
  wire room        = !gives || !valid_q || m_axis_tready;
  wire step        = room && (!takes || s_axis_tvalid);

  assign s_axis_tready = takes && room;

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      row_q    <= '0;
      column_q <= '0;
    end else if (step) begin
      column_q <= last_column ? '0 : column_q + 1'b1;
      if (last_column) row_q <= last_row ? '0 : row_q + 1'b1;
    end
  end

  //- Three rows, then three columns -------------------------------------------
  (* ram_style = "distributed" *) pixel_t upper_q [IMG_W];
  (* ram_style = "distributed" *) pixel_t middle_q [IMG_W];
  sums_t left_q, centre_q, sums_q;

  wire [(IMG_W > 1 ? $clog2(IMG_W) : 1)-1:0] place = last_column ? '0 : ($bits(place))'(column_q);
  wire pixel_t upper  = 32'(row_q) > 1 ? upper_q[place] : '0;
  wire pixel_t middle = row_q != '0 ? middle_q[place] : '0;
  wire pixel_t lower  = last_row ? '0 : s_axis_tdata;
  wire sums_t  column = last_column ? '0 : added(widened(upper), widened(middle), widened(lower));

  always_ff @(posedge ap_clk) begin
    if (step) begin
      if (takes) begin
        upper_q[place]  <= middle;
        middle_q[place] <= s_axis_tdata;
      end
      left_q   <= column_q == '0 ? '0 : centre_q;
      centre_q <= column;
      if (gives) sums_q <= added(left_q, centre_q, column);
    end
  end

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n)                   valid_q <= 1'b0;
    else if (step && gives)          valid_q <= 1'b1;
    else if (m_axis_tready)          valid_q <= 1'b0;
  end

  assign m_axis_tvalid = valid_q;
  assign m_axis_tdata  = sums_q;

endmodule

`default_nettype wire
