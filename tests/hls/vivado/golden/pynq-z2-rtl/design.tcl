# What build.tcl builds. Made by hls.vivado.plan.

set design {}
dict set design config small
dict set design board pynq-z2
dict set design part xc7z020clg400-1
dict set design board_part tul.com.tw:pynq-z2:part0
dict set design board_connection {
}
dict set design backend rtl
dict set design clock_mhz 100
dict set design sources {
  ops/stream/stream_register.sv
  nodes/conv1.v
  top.sv
}
dict set design ps_ip processing_system7
dict set design ps_clock FCLK_CLK0
dict set design ps_reset_n FCLK_RESET0_N
dict set design ps_interrupt IRQ_F2P
dict set design ps_control M_AXI_GP0
dict set design ps_control_clock M_AXI_GP0_ACLK
dict set design ps_control_space Data
dict set design ps_memory S_AXI_HP0
dict set design ps_memory_clock S_AXI_HP0_ACLK
dict set design ps_clock_property CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ
dict set design ps_clock_actual CONFIG.PCW_ACT_FPGA0_PERIPHERAL_FREQMHZ
dict set design ps_automation {
  make_external {FIXED_IO, DDR}
  apply_board_preset 1
  Master Disable
  Slave Disable
}
dict set design ps_properties {
  PCW_EN_CLK0_PORT 1
  PCW_FPGA_FCLK0_ENABLE 1
  PCW_EN_RST0_PORT 1
  PCW_USE_M_AXI_GP0 1
  PCW_USE_S_AXI_HP0 1
  PCW_S_AXI_HP0_DATA_WIDTH 64
  PCW_USE_FABRIC_INTERRUPT 1
  PCW_IRQ_F2P_INTR 1
}
dict set design ps_fallback {
  PCW_CRYSTAL_PERIPHERAL_FREQMHZ 50
  PCW_APU_PERIPHERAL_FREQMHZ 650
  PCW_PRESET_BANK0_VOLTAGE {LVCMOS 3.3V}
  PCW_PRESET_BANK1_VOLTAGE {LVCMOS 1.8V}
  PCW_UIPARAM_DDR_MEMORY_TYPE {DDR 3}
  PCW_UIPARAM_DDR_FREQ_MHZ 525
  PCW_UIPARAM_DDR_PARTNO {MT41J256M16 RE-125}
  PCW_UIPARAM_DDR_BUS_WIDTH {16 Bit}
  PCW_UIPARAM_DDR_BOARD_DELAY0 0.223
  PCW_UIPARAM_DDR_BOARD_DELAY1 0.212
  PCW_UIPARAM_DDR_DQS_TO_CLK_DELAY_0 0.040
  PCW_UIPARAM_DDR_DQS_TO_CLK_DELAY_1 0.058
  PCW_UART0_PERIPHERAL_ENABLE 1
  PCW_UART0_UART0_IO {MIO 14 .. 15}
  PCW_SD0_PERIPHERAL_ENABLE 1
  PCW_SD0_SD0_IO {MIO 40 .. 45}
  PCW_SD0_GRP_CD_ENABLE 1
  PCW_SD0_GRP_CD_IO {MIO 47}
}
dict set design memory_segments S_AXI_HP0
dict set design memory_used {
  HP0_DDR_LOWOCM
}
dict set design memory_unused {
}
dict set design addresses {
  axi_dma_0 {S_AXI_LITE/Reg 0x40400000}
  axi_intc_0 {S_AXI/Reg 0x41800000}
}
dict set design dma {
  c_include_sg 0
  c_sg_include_stscntrl_strm 0
  c_include_mm2s 1
  c_include_s2mm 1
  c_include_mm2s_dre 0
  c_include_s2mm_dre 0
  c_sg_length_width 14
  c_addr_width 32
  c_m_axi_mm2s_data_width 32
  c_m_axis_mm2s_tdata_width 32
  c_m_axi_s2mm_data_width 32
  c_s_axis_s2mm_tdata_width 32
  c_mm2s_burst_size 16
  c_s2mm_burst_size 16
}
dict set design interrupts {
  axi_dma_0/mm2s_introut
  axi_dma_0/s2mm_introut
  pixelmend_0/frame_error
}
dict set design strategies {
  Performance_Explore
  Performance_ExtraTimingOpt
  Performance_NetDelay_high
}
