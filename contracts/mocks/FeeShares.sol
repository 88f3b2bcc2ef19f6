// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {MockShares} from "./MockShares.sol";

/// @title FeeShares
/// @notice A vault of shares that keeps 1 % of what leaves, for those who stay; all that it says is right.
contract FeeShares is MockShares {
    uint256 private constant FEE_BPS = 100;

    constructor(IERC20 token) MockShares(token) {}

    function maxWithdraw(address owner) public view override returns (uint256) {
        return previewRedeem(balanceOf(owner));
    }

    function previewWithdraw(uint256 assets) public view override returns (uint256) {
        return super.previewWithdraw(assets + Math.mulDiv(assets, FEE_BPS, 10_000, Math.Rounding.Ceil));
    }

    function previewRedeem(uint256 shares) public view override returns (uint256) {
        uint256 assets = super.previewRedeem(shares);
        return assets - Math.mulDiv(assets, FEE_BPS, FEE_BPS + 10_000, Math.Rounding.Ceil);
    }
}
