# What build.tcl builds. Made by hls.vivado.plan.

set design {}
dict set design config small
dict set design board kv260
dict set design part xck26-sfvc784-2LV-c
dict set design board_part xilinx.com:kv260_som:part0
dict set design board_connection {
  som240_1_connector
  xilinx.com:kv260_carrier:som240_1_connector:1.3
}
dict set design backend rtl
dict set design clock_mhz 100
dict set design sources {
  ops/stream/stream_register.sv
  nodes/conv1.v
  top.sv
}
dict set design ps_ip zynq_ultra_ps_e
dict set design ps_clock pl_clk0
dict set design ps_reset_n pl_resetn0
dict set design ps_interrupt pl_ps_irq0
dict set design ps_control M_AXI_HPM0_FPD
dict set design ps_control_clock maxihpm0_fpd_aclk
dict set design ps_control_space Data
dict set design ps_memory S_AXI_HP0_FPD
dict set design ps_memory_clock saxihp0_fpd_aclk
dict set design ps_clock_property CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ
dict set design ps_clock_actual CONFIG.PSU__CRL_APB__PL0_REF_CTRL__ACT_FREQMHZ
dict set design ps_automation {
  apply_board_preset 1
}
dict set design ps_properties {
  PSU__FPGA_PL0_ENABLE 1
  PSU__USE__M_AXI_GP0 1
  PSU__USE__M_AXI_GP1 0
  PSU__USE__M_AXI_GP2 0
  PSU__USE__S_AXI_GP2 1
  PSU__SAXIGP2__DATA_WIDTH 64
  PSU__USE__IRQ0 1
}
dict set design ps_fallback {
}
dict set design memory_segments SAXIGP2
dict set design memory_used {
  HP0_DDR_LOW
  HP0_DDR_HIGH
}
dict set design memory_unused {
  HP0_LPS_OCM
  HP0_QSPI
}
dict set design addresses {
  axi_dma_0 {S_AXI_LITE/Reg 0xA0000000}
  axi_intc_0 {S_AXI/Reg 0xA0010000}
}
dict set design dma {
  c_include_sg 0
  c_sg_include_stscntrl_strm 0
  c_include_mm2s 1
  c_include_s2mm 1
  c_include_mm2s_dre 0
  c_include_s2mm_dre 0
  c_sg_length_width 14
  c_addr_width 40
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
